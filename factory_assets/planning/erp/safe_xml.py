"""XML from outside, read without letting it reach for files, addresses or all memory."""

from __future__ import annotations

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from factory_assets.planning.erp.errors import B2mmlError, UnsafeXmlError

LARGEST_BYTES = 64 * 1024 * 1024
DEEPEST = 60


def parse_xml(text: bytes) -> Element:
    """The root element; tags have their namespace in braces, as ElementTree writes them.

    Raises:
        UnsafeXmlError: It has a document type (and so could define entities), is larger than 64 MiB, or nested deeper
            than 60 elements.
        B2mmlError: It is no well-formed XML.
    """
    if len(text) > LARGEST_BYTES:
        msg = f"the XML has {len(text)} bytes, more than {LARGEST_BYTES}: send it in parts"
        raise UnsafeXmlError(msg)
    builder, depth = TreeBuilder(), 0
    parser = expat.ParserCreate(namespace_separator="}")

    def refuse(*_: object) -> None:
        msg = "the XML has a document type, which B2MML never needs and which could define entities: take it out"
        raise UnsafeXmlError(msg)

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            msg = f"the XML is nested deeper than {DEEPEST} elements"
            raise UnsafeXmlError(msg)
        builder.start(_braced(tag), {_braced(name): value for name, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_braced(tag))

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(text, True)  # noqa: FBT003
    except expat.ExpatError as error:
        msg = f"no well-formed XML: {error}"
        raise B2mmlError(msg) from error
    return builder.close()


def local_name(element: Element) -> str:
    """The tag without its namespace."""
    return element.tag.rpartition("}")[2]


def _braced(name: str) -> str:
    return f"{{{name}" if "}" in name else name
