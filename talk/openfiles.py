"""Open files: how many of them, and so how many connections, this system lets a program have."""

#: Files that the program may have open besides its connections.
OWN_FILES = 32


def allow_connections(count):
    """See to it that *count* connections may be open at once. Returns None; where that cannot be, how
    many files may be open, and how many are needed."""
    try:
        import resource
    except ImportError:
        return None  # Windows has no such limit
    needed = count + OWN_FILES
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY or limit >= needed:
        return None
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))
    except (ValueError, OSError):
        return limit if most == resource.RLIM_INFINITY else most, needed
    return None
