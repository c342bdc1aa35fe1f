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
# The test of a project has to fail when what the plugin gives is doubled: doubled NAME WHAT TWICE
doubled() {
  local project=$work/$1
  grep -qF -- "$2" "$project/$1.cpp" || fail "$1.cpp without \`$2\`"
  WHAT=$2 TWICE=$3 perl -pi -e 's/\Q$ENV{WHAT}\E/$ENV{TWICE}/' "$project/$1.cpp"
  cmake --build "$project/build" >>"$project.log" 2>&1 || fail "$1, doubled, is not built: $(tail -40 "$project.log")"
  ! ctest --test-dir "$project/build" >>"$project.log" 2>&1 || fail "the test of $1 does not see that it is doubled"
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

expect "$(cat "$work/my_mish.verify")" "[4, 7] in training: second derivatives" "verify of a layer"

echo "== doubled, which their tests must see"
doubled my_diversity 'results.put(parameter, ' 'results.put(parameter, 2 * ' & first=$!
doubled my_spirals 'set.inputs[i] = ' 'set.inputs[i] = 2 * ' & second=$!
wait $first
wait $second
doubled my_descent 'weight.sub_(weight.grad(), ' 'weight.sub_(weight.grad(), 2 * ' & first=$!
doubled my_mish 'return at::mish(' 'return 2 * at::mish(' & second=$!
wait $first
wait $second

echo "== the plugins shown in the documentation"
mkdir "$work/shown"
for page in "$work"/prefix/share/doc/backobs/docs/sdk/*.md; do
  # Complete ones begin with the name of their file: "// extensions/largest_gradient.cpp".
  awk -v to="$work/shown" '/^```/ { file = ""; begins = /cpp/; next }
    begins { begins = 0; if (match($0, /^\/\/ (extension|problem|runner)s\/[a-z_]+\.cpp$/)) { split(substr($0, 4), part, "/"); file = to "/" part[2]; kind = substr(part[1], 1, length(part[1]) - 1); sub(/\.cpp$/, "", part[2]); print "backobs_add_" kind "(" part[2] ")" >>(to "/plugins.cmake") } }
    file { print >file }' "$page"
done
[ "$(wc -l <"$work/shown/plugins.cmake")" -ge 6 ] || fail "few plugins in the documentation: $(cat "$work/shown/plugins.cmake")"
cat >"$work/shown/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.22)
project(shown LANGUAGES CXX)
find_package(backobs REQUIRED)
backobs_precompile_headers()
include(plugins.cmake)
CMAKE
cmake -S "$work/shown" -B "$work/shown/build" -DCMAKE_PREFIX_PATH="$work/prefix" "${options[@]}" >"$work/shown.log" 2>&1 &&
  cmake --build "$work/shown/build" -j 2 >>"$work/shown.log" 2>&1 || fail "documentation: $(tail -40 "$work/shown.log")"
for plugin in "$work"/shown/build/plugins/*.so; do
  "$backobs" verify "$plugin" --strictness 3 >"$work/shown.verify" 2>&1 || fail "verify $plugin: $(tail -30 "$work/shown.verify")"
done

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
