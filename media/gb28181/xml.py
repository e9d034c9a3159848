"""MANSCDP bodies: a small reader for the XML that cameras write, well formed or not, and a writer.

A general parser is no help here: bodies come with raw control characters, lone ampersands, characters outside the
encoding they declare. And nothing in MANSCDP needs entities or a DTD, so neither can be used against us.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import unescape
from xml.sax.saxutils import escape, quoteattr

MOST_DEPTH = 12
MOST_NODES = 400_000
MOST_TEXT = 4096

_TOKEN = re.compile(r"<!\[CDATA\[(.*?)\]\]>|<!--.*?-->|<\?.*?\?>|<(/?)([^\s<>/?!][^\s<>/]*)([^<>]*?)(/?)>", re.DOTALL)
_ATTRIBUTE = re.compile(r"""([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9_.-]+)["']""")
_UTF8_HAN = re.compile(rb"[\xe4-\xe9][\x80-\xbf][\x80-\xbf]")
_CONTROL = {code: None for code in range(32) if code not in (9, 10, 13)}


class XmlError(ValueError):
    """A body nothing can be made of."""


@dataclass
class Element:
    """One element."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def find(self, name: str) -> Element | None:
        """The first child of that name, upper and lower case alike."""
        wanted = name.lower()
        return next((child for child in self.children if child.name.lower() == wanted), None)

    def get(self, name: str, default: str = "") -> str:
        """Text of the first child of that name."""
        child = self.find(name)
        return child.text if child is not None else default

    def all(self, name: str) -> Iterator[Element]:
        """Every child of that name."""
        wanted = name.lower()
        return (child for child in self.children if child.name.lower() == wanted)


def decode(body: bytes, charset: str = "") -> str:
    """Text of a body.

    Parameters
    ----------
    charset : str
        What the device is known to write, ``utf-8`` or ``gb18030``; empty: what it declares and what it really looks
        like. GB 2312 is always read as GB 18030, which has the rare characters too.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        body, charset = body[3:], "utf-8"
    declared = _DECLARED.match(body)
    if not charset:
        says_utf8 = declared is not None and declared[1].lower().replace(b"_", b"-") in (b"utf-8", b"utf8")
        charset = "utf-8" if says_utf8 or _UTF8_HAN.search(body) else "gb18030"
    if charset == "utf-8":
        try:
            return body.decode()
        except UnicodeDecodeError:
            charset = "gb18030"
    return body.decode(charset, "replace")


def read_xml(body: bytes, charset: str = "") -> Element:
    """Read a body; what comes behind the root's end is not looked at.

    Raises
    ------
    XmlError
        There is no root, it is too deep or too large, or it brings a DTD.
    """
    text = decode(body, charset).translate(_CONTROL)
    if "<!DOCTYPE" in text[:1000].upper() or "<!ENTITY" in text[:1000].upper():
        raise XmlError("a document type declaration")
    root: Element | None = None
    open_: list[Element] = []
    at = nodes = 0
    for token in _TOKEN.finditer(text):
        if open_ and token.start() > at:
            _add_text(open_[-1], unescape(text[at : token.start()]))
        at = token.end()
        data, closing, name, rest, empty = token.groups()
        if data is not None and open_:
            _add_text(open_[-1], data)
        if not name:
            continue
        if closing:
            _close(open_, name)
            if root is not None and not open_:
                return root
            continue
        nodes += 1
        if nodes > MOST_NODES or len(open_) >= MOST_DEPTH:
            raise XmlError("too deep, or too large")
        element = Element(name, _attributes(rest))
        if open_:
            open_[-1].children.append(element)
        elif root is None:
            root = element
        if not empty:
            open_.append(element)
        elif root is element:
            return root
    if root is None:
        raise XmlError("no element")
    return root


def _attributes(text: str) -> dict[str, str]:
    if "=" not in text:
        return {}
    return {m[1]: unescape(m[2] if m[2] is not None else m[3]) for m in _ATTRIBUTE.finditer(text)}


def _add_text(element: Element, text: str) -> None:
    if len(element.text) < MOST_TEXT and (text := text.strip()):
        element.text = (element.text + text)[:MOST_TEXT]


def _close(open_: list[Element], name: str) -> None:
    """Close ``name`` and what was left open inside; an end without a beginning is overlooked."""
    for i in range(len(open_) - 1, -1, -1):
        if open_[i].name.lower() == name.lower():
            del open_[i:]
            return


Fields = Iterable[tuple[str, "str | Fields"]]


def write_xml(root: str, fields: Fields, charset: str = "gb18030") -> bytes:
    """A body: the root's fields in their order; a field's value is text, or fields again.

    Parameters
    ----------
    charset : str
        ``gb18030`` (declared as GB2312, by which name cameras of every year know it) or ``utf-8``.
    """
    declared = "UTF-8" if charset == "utf-8" else "GB2312"
    text = f'<?xml version="1.0" encoding="{declared}"?>\r\n{_element(root, fields)}'
    return text.encode(charset, "xmlcharrefreplace")


def _element(name: str, value: str | Fields) -> str:
    # A name may bring an attribute: "DeviceList Num=4".
    tag, _space, attribute = name.partition(" ")
    if attribute:
        key, _equals, said = attribute.partition("=")
        opening = f"<{tag} {key}={quoteattr(said)}>"
    else:
        opening = f"<{tag}>"
    if isinstance(value, str):
        return f"{opening}{escape(value)}</{tag}>\r\n"
    inner = "".join(_element(key, inside) for key, inside in value)
    return f"{opening}\r\n{inner}</{tag}>\r\n"
