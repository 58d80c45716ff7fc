#!/usr/bin/env bash
# The main job on the sample photos: make an archive, add, tag, and show what the place is.
# Some of the samples are broken on purpose, so `add` ends with exit code 5 (photos failed): the run goes on.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
archive=$1
urbextag="${BIN:?}/urbextag"

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
run() { say "urbextag ${*:1}"; "$urbextag" --archive "$archive" "$@" || [ $? -eq 5 ]; }

rm -rf "$archive"
say "urbextag init $archive"
"$urbextag" init "$archive"
run add "$here/photos" --location "Riverside" --city Albany --state NY --era 1890-1930
run tag
run locations show "Riverside" --tags 18
run status
run show hospital-entrance.jpg

cat <<END

The archive lies in $archive: urbextag.toml holds its settings, urbextag.db all that is known of its photos.
Try next, from that folder (. $BIN/activate puts urbextag on the path):
  urbextag show PHOTO                         the tags of one photo, how sure, and why
  urbextag review reject PHOTO TAG            your word outranks every model's, for ever
  urbextag tag PHOTO --location-type hospital a photo of yours, without an archive
  urbextag add FOLDER --location "NAME"       your own photos; they are never written
  urbextag doctor                             what works on this machine
END
