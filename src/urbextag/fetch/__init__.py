"""Photos from the web: which addresses may be asked, the download, and its way into the archive."""
