"""Tests that drive the web app in a browser, as an owner does (make test-browser)."""
