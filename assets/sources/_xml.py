"""Reading XML documents without entities, network access or document types; names are matched without their namespace."""

from __future__ import annotations

from lxml import etree  # ty: ignore[missing-module-member] - a compiled module without types

from assets.sources._base import LayoutError, body_of
from warehouse.captures import Document


def root_of(document: Document) -> etree._Element:
    """The root element of a document.

    Raises:
        LayoutError: if it is not XML, is a web page, or declares a document type (which entity attacks need).
    """
    body = body_of(document)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as e:
        raise LayoutError(f"{document.url}: not XML (truncated?): {str(e)[:200]}") from e
    if root.getroottree().docinfo.doctype:
        raise LayoutError(f"{document.url}: a document type is declared: refused (a page, or an attack)")
    return root


def text_of(element: etree._Element, *path: str) -> str | None:
    """Text of the first descendant by local names, or None."""
    found = element.xpath("/".join([".", *(f"*[local-name()='{name}']" for name in path)]))
    return found[0].text.strip() if found and found[0].text else None
