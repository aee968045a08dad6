#!/usr/bin/env python3
"""Repeats the runs of a value-softmax family with NumPy and compares.

  bazel run //experiments/value_softmax:logistic -- --out=RUN
  /usr/bin/python3 tools/check_value_softmax.py RUN [--steps=2000]

RUN holds config.textproto and a history_*.safetensors for every descent and
flow. Of a descent, NumPy draws the start, takes the first steps and compares
every recorded column; of a flow, SciPy's DOP853 integrates to --flow_time. Both
compute with tools/peer/value_softmax.py, which shares no code with the program.

Needs NumPy and SciPy: Debian's python3-numpy and python3-scipy.

Prints the worst difference of each column of each run, relative to the number
or, of a vector, to its largest, in the first 100 steps and later. Differences
below 1e-15 (gradient norms 1e-12; in a flow, which ends within its tolerance of
a minimum, 1e-12 and 1e-9) do not count. The exit code is 1 if one exceeds its
bound: --early_tolerance in the first 100 steps, --tolerance later,
--flow_tolerance in a flow.

Some descents amplify rounding without bound (Adam close to a minimum, a penalty
at a kink, the signs of gradients that are rounding). Beside NumPy's descent go two
more with a rounding more in every step: 100 times how far they have departed is
allowed too, and a run whose steps they no longer foretell is compared no further.

With the map l1 entries of a are compared without their signs once the first 100
steps are over: steps of one size lead them back to 0 again and again, where
rounding chooses the sign.
"""

import argparse
import copy
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer"))

try:
    import numpy as np
    from scipy.integrate import solve_ivp
except ImportError as error:
    sys.exit("needs NumPy and SciPy (Debian: python3-numpy, python3-scipy): %s" % error)

import safetensors_file  # noqa: E402
import textproto_file  # noqa: E402
import value_softmax as peer  # noqa: E402

EARLY_STEPS = 100
# Where rounding makes such a difference, it decides what is next.
DECIDED = 1e-6
# Differences that do not count: of gradient norms, and of all else.
DESCENT_FLOORS = 1e-12, 1e-15
FLOW_FLOORS = 1e-9, 1e-12


def as_list(value):
    return value if isinstance(value, list) else [value]


# The runs of a configuration.


def axis_values(axis):
    values = as_list(axis.get("value", []))
    points = axis.get("points", 0)
    if points > 0:
        space = np.geomspace if axis["log"] else np.linspace
        values = ["%.17g" % x for x in space(axis["from"], axis["to"], points)]
    return values


def with_value(config, fields, text):
    """A copy of the configuration with each of the fields set."""
    config = copy.deepcopy(config)
    for field in fields.split(","):
        *path, name = field.split(".")
        message = config
        for part in path:
            message = message[part]
        old = message[name]
        if isinstance(old, bool):
            message[name] = text == "true"
        elif isinstance(old, str):
            message[name] = text
        else:
            number = float(text)
            message[name] = int(number) if number.is_integer() else number
    return config


def variants(config):
    """(label, configuration) of each."""
    axes = as_list(config.get("vary", []))
    if len(axes) > 1:
        sys.exit("two axes make a phase diagram, which keeps no histories")
    if not axes:
        return [("", config)]
    return [
        (text, with_value(config, axes[0]["field"], text))
        for text in axis_values(axes[0])
    ]


def file_label(variant, kind):
    label = "_".join(part for part in (variant, kind) if part) or "descent"
    return "".join(c if c.isalnum() or c in ".-+" else "_" for c in label)


def rate_label(descent, lr):
    """With as many digits as tell it from the other rates, 6 at least."""
    others = [x for x in [descent["lr"]] + as_list(descent["compare_lr"]) if x != lr]
    for digits in range(6, 18):
        text = "%.*g" % (digits, lr)
        if text not in ["%.*g" % (digits, x) for x in others]:
            break
    return "lr" + text


def runs(config):
    """(label, configuration, whether it is a flow) of each."""
    for variant, varied in variants(config):
        descent = varied["descent"]
        if descent["steps"] > 0:
            yield file_label(variant, ""), varied, False
            time = descent["lr"] * descent["steps"]
            for lr in as_list(descent.get("compare_lr", [])):
                compared = copy.deepcopy(varied)
                steps = max(1, int(time / lr + 0.5))  # as llround
                compared["descent"].update(lr=lr, steps=steps)
                yield file_label(variant, rate_label(descent, lr)), compared, False
        if varied["flow"]["end_time"] > 0:
            yield file_label(variant, "flow"), varied, True


# Comparison.


def difference(actual, expected, floor):
    """Relative to the largest number; 0 up to the floor."""
    actual, expected = np.atleast_1d(actual), np.atleast_1d(expected)
    error = np.max(np.abs(actual - expected))
    if error <= floor:
        return 0.0
    scale = np.max(np.abs(expected))
    return error / scale if scale > 0 and np.isfinite(error) else np.inf


class Comparison:
    """Collects the worst of each column of one run."""

    def __init__(self, label, floors=DESCENT_FLOORS):
        self.label, self.floors = label, floors
        self.worst = {}  # column -> [early, late], each (difference, where)
        self.failures = []
        self.rows = 0
        self.departure = 0.0
        self.remark = ""

    def fail(self, text):
        self.failures.append("%s: %s" % (self.label, text))

    def expect(self, column, actual, expected, where, late, bound):
        if np.shape(actual) != np.shape(expected):
            self.fail(
                "%s has the shape %s, NumPy's has %s"
                % (column, np.shape(actual), np.shape(expected))
            )
            return
        error = difference(actual, expected, self.floor(column))
        worst = self.worst.setdefault(column, [(0.0, ""), (0.0, "")])
        if error > worst[late][0]:
            worst[late] = error, where
        if not error <= bound:
            self.failures.append(
                "%s: %s at %s: %s, NumPy has %s"
                % (self.label, column, where, actual, expected)
            )

    def expect_row(self, history, row, columns, where, late, bound):
        self.rows += 1
        for column in set(history) - set(columns):
            self.fail("%s is unknown to NumPy" % column)
        for column, expected in columns.items():
            if column not in history:
                self.fail("no column %s" % column)
                continue
            self.expect(column, history[column][row], expected, where, late, bound)

    def floor(self, column):
        return self.floors[not column.endswith("gradient_norm")]

    def depart(self, columns, others):
        """How far the farthest of the other rows has ever been away."""
        for other in others:
            for column, expected in columns.items():
                error = difference(other[column], expected, self.floor(column))
                self.departure = max(self.departure, error)
        return self.departure

    def report(self):
        print("%s: %d rows%s" % (self.label, self.rows, self.remark))
        for column, ((early, where_early), (late, where_late)) in self.worst.items():
            print(
                "  %-24s %.1e %-14s %.1e %s"
                % (column, early, where_early, late, where_late)
            )
        for text in self.failures[:5]:
            print("  WRONG " + text)
        if len(self.failures) > 5:
            print("  and %d more" % (len(self.failures) - 5))


def check_problem(comparison, model, tensors, args):
    for name, expected in (("target", model.b), ("design", model.X)):
        actual = tensors.pop(name, None)
        if expected is not None and actual is not None:
            bound = args.early_tolerance
            comparison.expect(name, actual, expected, "start", 0, bound)
            if name == "design":  # another library's SVD rounds otherwise
                model.X = actual
        elif expected is not None:
            comparison.fail("no tensor " + name)


def check_descent(comparison, config, tensors, args):
    model = peer.Model(config)
    check_problem(comparison, model, tensors, args)
    steps, times = tensors.pop("step"), tensors.pop("time")
    final_values = tensors.pop("final_values", None)
    expected = peer.recorded_steps(config["history"], config["descent"]["steps"])
    if final_values is None:  # it diverged
        expected = expected[: len(steps)]
    if not np.array_equal(steps, expected):
        comparison.fail("the recorded steps are not those of the configuration")
        return
    # Not equal(): NumPy's multiplication rounds alike, but the rate was parsed.
    bound = args.early_tolerance
    comparison.expect(
        "time", times, config["descent"]["lr"] * (expected + 1.0), "any", 0, bound
    )
    checked = steps[steps < args.steps]
    descents = [peer.descend(model, config, checked)]
    for seed in (1, 2):
        noise = np.random.RandomState(seed)
        descents.append(peer.descend(copy.copy(model), config, checked, noise))
    for row, (step, *all_columns) in enumerate(
        (rows[0][0],) + tuple(columns for _, columns in rows) for rows in zip(*descents)
    ):
        columns, *nearby_columns = all_columns
        late = int(step >= EARLY_STEPS)
        bound = args.tolerance if late else args.early_tolerance
        if late and config["model"]["map"] == "l1":
            for a in [tensors["a"][row]] + [c["a"] for c in all_columns]:
                np.abs(a, out=a)
        departure = comparison.depart(columns, nearby_columns)
        if departure > DECIDED:
            comparison.remark = ", then rounding decides, from step %d on" % step
            break
        bound = max(bound, 100 * departure)
        comparison.expect_row(tensors, row, columns, "step %d" % step, late, bound)
    if final_values is not None and comparison.rows == len(steps):
        comparison.expect(
            "final_values", final_values, model.end.V, "end", 1, args.tolerance
        )


def check_flow(comparison, config, tensors, args):
    model = peer.Model(config)
    check_problem(comparison, model, tensors, args)
    tensors.pop("step")
    tensors.pop("final_values", None)
    times = tensors.pop("time")
    times = times[times <= args.flow_time]

    def slope(_, y):
        p = model.to_point(y[:-1])
        return np.append(-model.gradient(p), model.gamma(p))

    solution = solve_ivp(
        slope,
        (0, times[-1]),
        np.append(model.to_vector(model.start), 0),
        method="DOP853",
        t_eval=times,
        rtol=1e-12,
        atol=1e-14,
    )
    if not solution.success:
        comparison.fail(solution.message)
    for row, (t, y) in enumerate(zip(solution.t, solution.y.T)):
        p = model.to_point(y[:-1], y[-1])
        columns = peer.measure_weights(model, p)
        columns.update(peer.measure_gradient(model, p))
        columns.update(peer.measure_parameters(model, p, columns["s"]))
        where = "t = %.3g" % t
        comparison.expect_row(tensors, row, columns, where, 1, args.flow_tolerance)


def check(args):
    """Whether all is as NumPy has it."""
    config = textproto_file.read(os.path.join(args.folder, "config.textproto"))
    right = True
    print("run and column: worst difference, of the first steps and of later ones")
    for label, varied, is_flow in runs(config):
        if args.only and label not in args.only:
            continue
        file = "history_%s.safetensors" % label
        tensors = safetensors_file.read(os.path.join(args.folder, file))
        comparison = Comparison(label, FLOW_FLOORS if is_flow else DESCENT_FLOORS)
        if is_flow:
            check_flow(comparison, varied, tensors, args)
        else:
            check_descent(comparison, varied, tensors, args)
        comparison.report()
        right = right and not comparison.failures
    return right


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="RUN", help="a family's run folder")
    parser.add_argument("--steps", type=int, default=2000, help="of each descent")
    parser.add_argument("--flow_time", type=float, default=1e3)
    parser.add_argument("--early_tolerance", type=float, default=1e-12)
    parser.add_argument("--tolerance", type=float, default=1e-9)
    parser.add_argument("--flow_tolerance", type=float, default=1e-6)
    parser.add_argument("--only", metavar="LABEL", action="append", help="runs")
    args = parser.parse_args()
    try:
        return 0 if check(args) else 1
    except KeyError as error:
        problem = "no field or tensor %s" % error
    except (OSError, ValueError) as error:
        problem = str(error)
    print("%s: %s" % (args.folder, problem), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
