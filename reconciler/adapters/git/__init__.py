"""Git behind the ports ``Source``, ``Watch`` and ``ResultsStore``.

Nothing here has a work tree or touches a repository that is not its own, except to fetch from it and to push to it
without force. Git is always the git program, run through ``command.GitCommand`` with a private configuration. What a
repository holds is data: no hook, filter, attribute or symbolic link of it is ever followed, and no option is
ever made of it.
"""
