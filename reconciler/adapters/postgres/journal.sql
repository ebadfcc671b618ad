-- schema --
-- Under a lock: "if not exists" alone is a race between two daemons that start at once.
do $$ begin
    perform pg_advisory_xact_lock(hashtext('reconciler schema'));
    create table if not exists reconciler_lease (
        trial text primary key,
        owner text not null,
        until timestamptz not null
    );
    create table if not exists reconciler_attempt (
        trial text primary key,
        count integer not null,
        cause text not null,
        message text not null,
        at timestamptz not null
    );
end $$

-- acquire --
-- One statement, so that of two daemons one gets the row; time is the database's.
insert into reconciler_lease as held (trial, owner, until)
values (%(trial)s, %(owner)s, now() + make_interval(secs => %(seconds)s))
on conflict (trial) do update set owner = excluded.owner, until = excluded.until
where held.owner = excluded.owner or held.until <= now()
returning trial

-- release --
delete from reconciler_lease where trial = %(trial)s and owner = %(owner)s

-- leases --
select trial, owner, until from reconciler_lease where until > now() order by trial

-- fail --
-- Whoever counts clears up: attempts that count no more, but for this trial's own row, which begins again at 1.
with over as (
    delete from reconciler_attempt where trial in (
        select trial from reconciler_attempt
        where at <= now() - %(lasts)s and trial <> %(trial)s
        for update skip locked
    )
)
insert into reconciler_attempt as known (trial, count, cause, message, at)
values (%(trial)s, 1, %(cause)s, %(message)s, now())
on conflict (trial) do update
set count = case when known.at <= now() - %(lasts)s then 1 else known.count + 1 end,
    cause = excluded.cause, message = excluded.message, at = excluded.at

-- attempts --
select trial, count, cause, message, at from reconciler_attempt where at > now() - %(lasts)s

-- forget --
delete from reconciler_attempt where trial = any(%(trials)s)
