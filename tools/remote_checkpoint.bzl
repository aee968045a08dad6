"""remote_checkpoint(): small files from the network that only some targets need.

In WORKSPACE, each file pinned by size and sha256:

    remote_checkpoint(
        name = "pretrained_tokenizer",
        files = {"bpe_32k_c4.model": remote_file(
            url = "https://...",
            sha256 = "...",
            size = 593493,
        )},
        access = "The bucket is public: no account is needed.",
        without = "give the program your copy with --tokenizer",
    )

and @pretrained_tokenizer//:bpe_32k_c4.model is that file, :files all of them.
Bazel fetches a repository when a target that is built needs it. Tag targets that
do "manual": then `bazel build //...` and `bazel test //...` never touch the
network for them.

Where a login is needed, it comes from ~/.netrc (or the file that $NETRC names), or
else from the file with an access token that the environment variable called
`token_file_env` names. The token itself does not belong in the environment:
Bazel copies all of that into its log.

Files that were brought by other means: --distdir=FOLDER, under the last part of
their address.
"""

load("@bazel_tools//tools/build_defs/repo:utils.bzl", "read_netrc", "use_netrc")

def remote_file(url, sha256, size):
    """One file of a remote_checkpoint.

    Args:
      url: its address, http or https.
      sha256: of its bytes, 64 hexadecimal digits.
      size: in bytes.

    Returns:
      what remote_checkpoint takes as a value of `files`.
    """
    if not url.startswith("https://") and not url.startswith("http://"):
        fail("remote_file: %s: the address must begin with http:// or https://" % url)
    if len(sha256) != 64:
        fail("remote_file: %s: sha256 must have 64 hexadecimal digits" % url)
    if size < 0:
        fail("remote_file: %s: the size must not be negative" % url)
    return [url, sha256, str(size)]

def _netrc_auth(ctx, url):
    path = ctx.os.environ.get("NETRC", "")
    if not path and ctx.os.environ.get("HOME", ""):
        path = ctx.os.environ["HOME"] + "/.netrc"
    if not path or not ctx.path(path).exists:
        return {}
    return use_netrc(read_netrc(ctx, path), [url], {})

def _auth(ctx, url):
    auth = _netrc_auth(ctx, url)
    path = ctx.os.environ.get(ctx.attr.token_file_env, "") if ctx.attr.token_file_env else ""
    if auth or not path:
        return auth
    token = ctx.read(path).strip()
    return {url: {
        "type": "pattern",
        "pattern": "Bearer <password>",
        "password": token,
    }}

def _fail(ctx, name, what):
    url, sha256, size = ctx.attr.files[name]
    lines = [
        "%s of @%s %s." % (name, ctx.name, what),
        "  It comes from %s" % url,
    ]
    if ctx.attr.access:
        lines.append("  Access: " + ctx.attr.access)
    if ctx.attr.token_file_env:
        lines.append("  With a login: put it into ~/.netrc, or a token into a file that $%s names" % ctx.attr.token_file_env)
    lines.append("  Without this network: copy the file (%s bytes, sha256 %s)" % (size, sha256))
    lines.append("  into a folder under the name %s and pass --distdir=FOLDER to Bazel" % url.rpartition("/")[2])
    if ctx.attr.without:
        lines.append("  Or " + ctx.attr.without)
    fail("\n".join(lines))

def _fetch(ctx, name):
    url, sha256, size = ctx.attr.files[name]
    done = ctx.download(
        url = [url],
        output = name,
        sha256 = sha256,
        allow_fail = True,
        auth = _auth(ctx, url),
    )
    if not done.success:
        _fail(ctx, name, "could not be fetched, or was another file than expected (see above)")

    # The checksum is right, so only our own number can be wrong.
    counted = ctx.execute(["stat", "-L", "-c", "%s", name])
    if counted.return_code != 0 or counted.stdout.strip() != size:
        _fail(ctx, name, "has %s bytes, not the %s that WORKSPACE says" % (counted.stdout.strip(), size))

def _remote_checkpoint_impl(ctx):
    names = sorted(ctx.attr.files.keys())
    for name in names:
        _fetch(ctx, name)
    ctx.file("BUILD", """\
package(default_visibility = ["//visibility:public"])

exports_files({names})

filegroup(
    name = "files",
    srcs = {names},
    tags = ["manual"],
)
""".format(names = repr(names)), executable = False)

remote_checkpoint = repository_rule(
    _remote_checkpoint_impl,
    doc = "Files of a model; see the top of this file.",
    attrs = {
        "access": attr.string(doc = "Who may have the files, under which licence; for error messages."),
        "files": attr.string_list_dict(doc = "From names to remote_file()s.", mandatory = True),
        "token_file_env": attr.string(doc = "Environment variable that names a file with an access token."),
        "without": attr.string(doc = "What to do without the files; for error messages."),
    },
)
