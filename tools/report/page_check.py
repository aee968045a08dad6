"""What a page of the report must be: well-formed, self-contained, without scripts."""

import html.parser
import re
import xml.etree.ElementTree

_XHTML = "{http://www.w3.org/1999/xhtml}"
_SVG = "{http://www.w3.org/2000/svg}"
# Attributes through which a browser loads something; <a href> is followed by
# readers alone.
_LOADING = {"src", "srcset", "data", "poster", "background", "action", "formaction", "ping"}
_VOID = {"meta", "link", "br", "hr", "img", "input"}


class _Balance(html.parser.HTMLParser):
    """Whether tags match as an HTML parser sees them."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.wrong = []

    def handle_starttag(self, tag, attrs):
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        # In HTML <p/> does not close p; in a picture it does.
        if tag not in _VOID and "svg" not in self.open:
            self.wrong.append("<%s/>" % tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append("</%s>" % tag)


def _check_loading(element, wrong):
    tag = element.tag.split("}")[1]
    if not element.tag.startswith((_XHTML, _SVG)):
        wrong.append("element %s" % element.tag)
    if tag in ("script", "iframe", "object", "embed", "foreignObject", "animate", "base"):
        wrong.append("<%s>" % tag)
    for name, value in element.attrib.items():
        name = name.split("}")[-1].lower()
        if name.startswith("on"):
            wrong.append("attribute %s" % name)
        if name in _LOADING:
            wrong.append("attribute %s=%s" % (name, value))
        if name == "href" and not value.startswith(("#", "data:")):
            if tag != "a" or not value.startswith("https://arxiv.org/"):
                wrong.append("%s to %s" % (tag, value))
        if "url(" in value.lower() and not re.fullmatch(r"[^(]*url\(#[\w.:-]+\)[^(]*", value):
            wrong.append("attribute %s=%s" % (name, value))
    if tag == "style" and re.search(r"url\(|@import", element.text or ""):
        wrong.append("a style that loads")


def problems(text):
    """All that is wrong with a page, as a list of lines."""
    wrong = []
    balance = _Balance()
    balance.feed(text)
    balance.close()
    wrong += balance.wrong + ["<%s> is open" % tag for tag in balance.open]
    try:
        root = xml.etree.ElementTree.fromstring(text)
    except xml.etree.ElementTree.ParseError as error:
        return wrong + ["no XML: %s" % error]
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    wrong += ["id %s twice" % i for i in sorted(set(i for i in ids if ids.count(i) > 1))]
    for element in root.iter():
        _check_loading(element, wrong)
        target = element.get("href", "")
        if target.startswith("#") and target[1:] not in ids:
            wrong.append("no id for %s" % target)
        for used in re.findall(r"url\(#([^)]*)\)", " ".join(element.attrib.values())):
            if used not in ids:
                wrong.append("no id for url(#%s)" % used)
    return wrong


def facts(text):
    """The page's meta elements that are for programs: name to content."""
    root = xml.etree.ElementTree.fromstring(text)
    return {m.get("name"): m.get("content") for m in root.iter(_XHTML + "meta") if m.get("name")}


def verdicts(text):
    """The verdict of each claim, by id."""
    root = xml.etree.ElementTree.fromstring(text)
    return {e.get("id"): e.get("data-verdict") for e in root.iter() if e.get("data-verdict")}
