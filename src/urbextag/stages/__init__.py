"""The stages: each looks at decoded photos in one way and returns evidence. One file per stage."""
