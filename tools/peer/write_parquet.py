#!/usr/bin/env python3
"""Writes the fixtures of experiments/pretrained/text/parquet with pyarrow.

  python3 -m venv VENV && VENV/bin/pip install pyarrow
  VENV/bin/python tools/peer/write_parquet.py

Every file in the table GOOD holds the documents of texts.jsonl, in the column
"text"; those in BAD are files that must be refused.

  VENV/bin/python tools/peer/write_parquet.py --like_pile_10k=FOLDER

writes no fixtures, but pile.parquet (10000 rows of made-up text, in the form of
the data set that the figure uses) and pile.jsonl with what pyarrow reads out of
it, for comparing by hand:

  ./bazelw build //experiments/pretrained/text:tokenize
  for file in pile.parquet pile.jsonl; do
    bazel-bin/experiments/pretrained/text/tokenize --tokenizer=bpe_32k_c4.model \\
        --samples=0 --max_tokens=1000000 --prompts=FOLDER/$file | sed 's/"place":"[^"]*"//' | sha256sum
  done
"""

import argparse
import json
import os
import random

import pyarrow as pa
import pyarrow.parquet as pq

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIXTURES = os.path.join(TOP, "experiments/pretrained/text/parquet/fixtures")

DOCUMENTS = [
    "the first document",
    "",
    "two\nlines, a tab\tand \"quotes\" \\",
    "gr\u00fc\u00dfe, \u4f60\u597d, \u0645\u0631\u062d\u0628\u0627, \U0001f600, \u0000 and \ufeff",
    "the first document",
    "a" * 3000,
    "   ",
    "\r\n",
    "",
    "".join(chr(c) for c in range(0x3B1, 0x3CA)) * 20,
    "the first document",
    "the last of the first dozen",
] + ["document %d of more, %s" % (i, "word " * (i % 9)) for i in range(12, 40)]

META = pa.struct([("pile_set_name", pa.string())])
OTHERS = {
    "meta": pa.array(
        [None if i % 7 == 3 else {"pile_set_name": "Set %d" % (i % 3)} for i in range(len(DOCUMENTS))],
        META,
    ),
    "tags": pa.array([None if i % 5 == 1 else ["x"] * (i % 4) for i in range(len(DOCUMENTS))]),
    "inner": pa.array([{"text": str(i)} for i in range(len(DOCUMENTS))]),
    "number": pa.array([i if i % 2 else None for i in range(len(DOCUMENTS))]),
}


def table(texts=None, before=(), after=("meta",), nullable=True, text_type=None):
    """The column "text" between others."""
    columns = {name: OTHERS[name] for name in before}
    columns["text"] = pa.array(DOCUMENTS if texts is None else texts, text_type or pa.string())
    columns.update({name: OTHERS[name] for name in after})
    fields = [pa.field(n, c.type, nullable or n != "text") for n, c in columns.items()]
    return pa.table(list(columns.values()), pa.schema(fields))


# Pages of a few texts instead of many.
SMALL_PAGES = {"data_page_size": 100, "write_batch_size": 3}

# File -> table and options of pyarrow's writer.
GOOD = {
    # As `datasets` writes, but for the row groups' size.
    "snappy": (table(), {"compression": "snappy", "row_group_size": 16}),
    "snappy_v2": (
        table(before=["inner"], after=["tags"]),
        {
            "compression": "snappy",
            "data_page_version": "2.0",
            "row_group_size": 15,
            "use_dictionary": False,
            **SMALL_PAGES,
        },
    ),
    "plain": (
        table(before=["tags"]),
        {"compression": "none", "use_dictionary": False, "row_group_size": 20, **SMALL_PAGES},
    ),
    "dictionary_v2": (
        table(after=["number"]),
        {
            "compression": "none",
            "data_page_version": "2.0",
            "row_group_size": 25,
            "use_dictionary": True,
            **SMALL_PAGES,
        },
    ),
    # A dictionary that is given up for plain pages.
    "fallback": (
        table(before=["number", "inner"], after=[]),
        {"compression": "snappy", "dictionary_pagesize_limit": 300, **SMALL_PAGES},
    ),
    "required": (
        table(nullable=False, before=["meta"], after=[]),
        {"compression": "snappy", "version": "1.0", "write_statistics": False},
    ),
    "required_v2": (
        table(nullable=False, after=[]),
        {"compression": "snappy", "data_page_version": "2.0", "row_group_size": 7},
    ),
    "large_string": (
        table(text_type=pa.large_string(), after=[]),
        {"compression": "none", "store_schema": False, "write_page_checksum": True},
    ),
}

BAD = {
    "null": (table(DOCUMENTS[:30] + [None] + DOCUMENTS[31:]), {"row_group_size": 20}),
    "null_v2": (
        table(DOCUMENTS[:2] + [None] + DOCUMENTS[3:]),
        {"data_page_version": "2.0"},
    ),
    "zstd": (table(), {"compression": "zstd"}),
    "gzip": (table(), {"compression": "gzip"}),
    "delta": (
        table(),
        {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}},
    ),
    "binary": (table([d.encode() for d in DOCUMENTS], text_type=pa.binary()), {}),
    "list": (table([[d] for d in DOCUMENTS], text_type=pa.list_(pa.string())), {}),
    "no_text": (pa.table({n: OTHERS[n] for n in ("inner", "meta")}), {}),
    "no_rows": (table().slice(0, 0), {}),
}


def write_fixtures(out):
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "texts.jsonl"), "w", encoding="utf-8") as f:
        for text in DOCUMENTS:
            f.write(json.dumps({"text": text}) + "\n")
    for name, (rows, options) in {**GOOD, **BAD}.items():
        path = os.path.join(out, name + ".parquet")
        pq.write_table(rows, path, **options)
        print(path, os.path.getsize(path))
    for name in GOOD:
        read = pq.read_table(os.path.join(out, name + ".parquet"))["text"].to_pylist()
        assert read == DOCUMENTS, name


def made_up_text(rng, words):
    # Lengths spread as those of web pages, from nothing to a few hundred KB.
    size = int(rng.lognormvariate(5.3, 1.6))
    return " ".join(rng.choice(words) for _ in range(min(size, 60000)))


def write_like_pile_10k(folder):
    rng = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz" * 6 + "\n\u00e9\u00df\u4f60\u597d\U0001f600"
    words = ["".join(rng.choices(letters, k=rng.randrange(1, 12))) for _ in range(1000)]
    texts = [made_up_text(rng, words) for _ in range(10000)]
    sets = [{"pile_set_name": "Set %d" % rng.randrange(22)} for _ in texts]
    rows = pa.table({"text": texts, "meta": pa.array(sets, META)})
    path = os.path.join(folder, "pile.parquet")
    pq.write_table(rows, path, compression="snappy", row_group_size=1000)
    print(path, os.path.getsize(path))
    with open(os.path.join(folder, "pile.jsonl"), "w", encoding="utf-8") as f:
        for text in pq.read_table(path)["text"].to_pylist():
            f.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=FIXTURES)
    parser.add_argument("--like_pile_10k", metavar="FOLDER")
    args = parser.parse_args()
    if args.like_pile_10k:
        write_like_pile_10k(args.like_pile_10k)
    else:
        write_fixtures(args.out)


if __name__ == "__main__":
    main()
