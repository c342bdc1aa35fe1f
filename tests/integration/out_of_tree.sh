#!/usr/bin/env bash
# What somebody outside this tree does: installs BackOBS, lets `backobs new` write a project of each kind, builds and tests
# it against the installation alone, drops the plugins into plugins/ and runs a campaign with them.
#   tests/integration/out_of_tree.sh BUILD_FOLDER         a build of program and plugins; works in BUILD_FOLDER/out_of_tree
set -euo pipefail
build=$(cd "$1" && pwd)
work=$build/out_of_tree
rm -rf "$work"
mkdir -p "$work/desk/plugins"
unset BACKOBS_PLUGIN_PATH

fail() { echo "FAILED: $*" >&2; exit 1; }
expect() { grep -qF -- "$2" <<<"$1" || fail "${3:-output} without \`$2\`: ${1:0:2000}"; }
names() { "$backobs" list --json | sed -n 's/.*"name": "\(.*\)",/\1/p'; }

echo "== installation, moved after it was made"
cmake --install "$build" --prefix "$work/first" >"$work/install.log" || fail "$(tail -5 "$work/install.log")"
mv "$work/first" "$work/prefix"
backobs=$work/prefix/bin/backobs
cd "$work/desk"
listed=$("$backobs" list --json)
expect "$listed" "$work/prefix/" "list"
[[ $listed != *"$build/plugins"* ]] || fail "the installed program finds plugins of the build"
[ "$(ls "$work/prefix"/lib*/backobs/plugins/ "$work/prefix"/lib/*/backobs/plugins/ 2>/dev/null | grep -c '\.so$')" = "$(names | wc -l)" ] ||
  fail "not every installed plugin is listed: $("$backobs" doctor)"
for part in include/backobs/plugin.h include/backobs/abi.h include/backobs/testing/layer_contract.h share/doc/backobs/docs/sdk.md; do
  [ -f "$work/prefix/$part" ] || fail "no $part"
done

options=()
[ -n "$(command -v ninja)" ] && options+=(-G Ninja)
[ -n "$(command -v ccache)" ] && options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
scaffold() {
  local kind=$1 name=$2 project=$work/$2
  "$backobs" new "$kind" "$name" --dir "$project" >/dev/null
  cmake -S "$project" -B "$project/build" -DCMAKE_PREFIX_PATH="$work/prefix" "${options[@]}" >"$project.log" 2>&1 &&
    cmake --build "$project/build" >>"$project.log" 2>&1 || fail "$kind $name is not built: $(tail -40 "$project.log")"
  ctest --test-dir "$project/build" --output-on-failure --no-tests=error >>"$project.log" 2>&1 ||
    fail "the test of $kind $name: $(tail -60 "$project.log")"
  cp "$project/build/plugins/$name.so" "$work/desk/plugins/"
}

echo "== a project of each kind"
export CCACHE_BASEDIR=$work
scaffold extension my_diversity & first=$!
scaffold problem my_spirals & second=$!
wait $first
wait $second
scaffold runner my_descent & first=$!
scaffold layer my_mish & second=$!
wait $first
wait $second

echo "== dropped into plugins/"
all=$(names)
for pair in extension:my_diversity problem:my_spirals runner:my_descent layer:my_mish; do
  kind=${pair%:*} name=${pair#*:}
  grep -qx "$name" <<<"$all" || fail "list without $name: $("$backobs" doctor)"
  expect "$("$backobs" describe "$kind" "$name" --json)" "\"name\": \"$name\"" "describe $kind"
  expect "$("$backobs" __complete describe "$kind" "${name:0:5}")" "$name" "completion of $kind"
  [ "$kind" = layer ] || expect "$("$backobs" schema)" "$name" "schema"
  if [ "$("$backobs" __complete verif)" = verify ]; then
    "$backobs" verify "plugins/$name.so" >"$work/$name.verify" 2>&1 || fail "verify: $(tail -30 "$work/$name.verify")"
  fi
done
expect "$("$backobs" describe layer my_mish)" "torch::nn::MishImpl" "describe layer"
if "$backobs" new runner my_descent --dir "$work/again" 2>/dev/null; then fail "new takes a name that is taken"; fi

echo "== a campaign"
cat >campaign.yaml <<'YAML'
campaign: dropped
experiments:
  - problem: my_spirals
    runner: {name: my_descent, lr: 0.05, epochs: 1}
    extensions:
      - {name: my_diversity, every: 5, record: [mean]}
      - {name: diag_h, every: 5, record: [norm]}
YAML
"$backobs" run campaign.yaml >run.log 2>&1 || fail "run: $(cat run.log)"
"$backobs" export results/dropped --format csv --no-timing >table.csv 2>>run.log
grep -q 'my_diversity.mean' table.csv || fail "export without my_diversity.mean: $(head -5 table.csv)"
expect "$(cat results/dropped/runs/*/run.json)" '"my_mish"' "run.json"
echo "done in $SECONDS s"
