"""Reports of results: one document, written as a web page that needs no network, or as Markdown."""
