"""regit.py IN.tar.gz NEW COMMIT TIME: a tar as `git archive` writes it, on stdout.

For archives in Debian that somebody packed from a checkout of COMMIT: the same
files in git's order, below the top folder NEW, with the owners, modes and times
that git gives them (TIME, the commit's, in seconds since 1970). With `gzip -n`
the result is GitHub's file for that commit byte for byte.
"""

import sys
import tarfile

BLOCK = 512
RECORD = 20 * BLOCK


def padded(data, to=BLOCK):
    return data + bytes(-len(data) % to)


def header(name, kind, mode, size, time, link=b""):
    prefix = b""
    if len(name) > 100:  # split as git does: the last / in 155 bytes
        cut = name.rstrip(b"/")[:155].rindex(b"/")
        prefix, name = name[:cut], name[cut + 1:]
    head = b"".join([
        name.ljust(100, b"\0"),
        b"%07o\0%07o\0%07o\0" % (mode, 0, 0),
        b"%011o\0%011o\0" % (size, time),
        b" " * 8 + kind,
        link.ljust(100, b"\0"),
        b"ustar\x0000",
        b"root".ljust(32, b"\0") * 2,
        b"%07o\0%07o\0" % (0, 0),
        prefix.ljust(155, b"\0"),
    ])
    check = b"%07o\0" % sum(head)
    return padded(head[:148] + check + head[156:])


def main():
    path, top, commit, time = sys.argv[1:]
    time = int(time)
    archive = tarfile.open(path)
    # Folders end in / here, which is also how git compares them.
    members = {}
    for m in archive.getmembers():
        below = m.name.encode().partition(b"/")[2]
        if m.isdir():
            members[below + b"/" if below else b""] = m
        elif m.isfile() or m.issym():
            members[below] = m
        else:
            sys.exit("unexpected kind of member: " + m.name)

    comment = b"52 comment=" + commit.encode() + b"\n"
    out = [header(b"pax_global_header", b"g", 0o666, len(comment), time), padded(comment)]
    for name in sorted(members):
        m = members[name]
        full = top.encode() + b"/" + name
        if m.isdir():
            out.append(header(full, b"5", 0o775, 0, time))
        elif m.issym():
            out.append(header(full, b"2", 0o777, 0, time, m.linkname.encode()))
        else:
            mode = 0o775 if m.mode & 0o100 else 0o664
            out.append(header(full, b"0", mode, m.size, time))
            out.append(padded(archive.extractfile(m).read()))
    out.append(bytes(2 * BLOCK))
    sys.stdout.buffer.write(padded(b"".join(out), RECORD))


main()
