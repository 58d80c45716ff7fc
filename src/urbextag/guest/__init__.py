"""Work inside the archive application's own database, and take over what an earlier tagger left there."""
