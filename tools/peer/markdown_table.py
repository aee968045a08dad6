"""Tables of reports in Markdown."""


def lines(head, rows):
    """A table's lines, columns padded; the first column flush left."""
    widths = [max(len(row[i]) for row in [head] + rows) for i in range(len(head))]

    def line(cells):
        padded = [cells[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    return [line(head), "| " + " | ".join(rule) + " |"] + [line(row) for row in rows]
