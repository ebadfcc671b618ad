"""PostgreSQL through psycopg: what several daemons share."""
