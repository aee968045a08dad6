"""An experiment: a program with its config compiled in."""

load("//tools:cc.bzl", "cc_binary", "cc_library")

def _config_code_impl(ctx):
    outputs = [ctx.outputs.shape, ctx.outputs.embedded_header, ctx.outputs.embedded_source]
    args = ctx.actions.args()
    args.add(ctx.attr.message)
    args.add(ctx.attr.config_name)
    args.add(ctx.label.package)
    args.add(ctx.file.config)
    args.add(ctx.outputs.shape.dirname)
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [args],
        inputs = [ctx.file.config],
        outputs = outputs,
        mnemonic = "ConfigCode",
        progress_message = "Checking %s" % ctx.file.config.short_path,
    )
    return [DefaultInfo(files = depset(outputs))]

_config_code = rule(
    implementation = _config_code_impl,
    attrs = {
        "config": attr.label(allow_single_file = [".textproto"], mandatory = True),
        "config_name": attr.string(mandatory = True),
        "embedded_header": attr.output(mandatory = True),
        "embedded_source": attr.output(mandatory = True),
        "message": attr.string(mandatory = True),
        "shape": attr.output(mandatory = True),
        # Not cfg = "exec": the product links the same libraries (protobuf,
        # Abseil, the config rules), which would all be compiled once more. The
        # price is that the build cannot be for another kind of machine.
        "_tool": attr.label(
            default = Label("//tools:textproto_to_header"),
            executable = True,
            cfg = "target",
        ),
    },
)

def experiment_config(name, config, message, **kwargs):
    """The libraries made of a config; a config that breaks a rule fails the build.

    NAME_shape: NAME_shape.h, the config's shape as constexpr values in the
    namespace polarize::NAME_shape. It changes only when the shape does.
    NAME_embedded_config: NAME_embedded_config.h, the config's text and file name.

    Args:
      name: of the experiment; words between underscores.
      config: the .textproto file.
      message: the full name of its schema's message, like polarize.InductionConfig.
      **kwargs: visibility and the like, for both libraries.
    """
    _config_code(
        name = name + "_config_code",
        config = config,
        config_name = name,
        embedded_header = name + "_embedded_config.h",
        embedded_source = name + "_embedded_config.cc",
        message = message,
        shape = name + "_shape.h",
        testonly = kwargs.get("testonly", False),
        visibility = ["//visibility:private"],
    )
    cc_library(
        name = name + "_shape",
        hdrs = [name + "_shape.h"],
        **kwargs
    )
    cc_library(
        name = name + "_embedded_config",
        srcs = [name + "_embedded_config.cc"],
        hdrs = [name + "_embedded_config.h"],
        **kwargs
    )

def experiment(name, config, message, srcs, deps = [], **kwargs):
    """The program NAME and the libraries of its config (see experiment_config).

    Args:
      name: of the program.
      config: the .textproto file that it runs unless told otherwise.
      message: the full name of its schema's message.
      srcs: the program's sources.
      deps: what they include beside the config's libraries.
      **kwargs: testonly and the like, for all of them.
    """
    experiment_config(
        name = name,
        config = config,
        message = message,
        **kwargs
    )
    cc_binary(
        name = name,
        srcs = srcs,
        deps = deps + [
            ":%s_embedded_config" % name,
            ":%s_shape" % name,
        ],
        **kwargs
    )
