#!/bin/sh
# Makes the folder `runs` again, in a few minutes: make_runs.sh PATH-OF-MINIMASCOPE
# Every run has its result. One minimum of gradient descent has its curves too, and an answer to
# every question about it; the other clean runs of its seed have their stability.
set -eu
program=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
cp "$here"/*.toml "$work"
cd "$work"

# Trains, where that is not done yet, and prints the id.
run() {
  "$program" run small.toml --json "$@" | sed -n 's/^ *"run": "\(.*\)",$/\1/p'
}

minimum=$(run observe.loss_every=100 observe.accuracy_every=500 observe.sharpness_every=500 \
  observe.non_uniformity_every=500)
"$program" sweep sweep.toml
"$program" measure "$minimum" --density --top 8 --trace
"$program" stability "$minimum" --boundary --attribution 10 --batch-sharpness
"$program" escape "$minimum" --learning-rate 0.1 --batch-size 2 --steps 1000
"$program" escape "$minimum" --learning-rate 0.08 --batch-size 20 --steps 1000
"$program" escape "$minimum" --grid --seeds 2 --steps 500
for rate in 0.1 0.25; do
  for size in 2 10 all; do
    "$program" stability "$(run train.learning_rate=$rate train.batch_size=$size)" --quick
  done
done

# What no page shows goes, and what tells of the machine.
sed -i -e 's/"started": [0-9]*/"started": 0/' -e 's/"commit": "[^"]*"/"commit": null/' \
  "runs/$minimum/provenance.json"
find runs -name provenance.json -not -path "*$minimum*" -delete
find runs \( -name '*.safetensors' -o -name '*.svg' -o -name lock -o -name trained.json \) -delete
find runs -empty -delete
rm -rf "$here/runs" runs/.work
mv runs "$here/runs"
