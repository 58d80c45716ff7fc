"""The web app and its REST API: `urbextag serve`."""
