# Short names for what people do here; `just` alone lists them. CI does not use
# this file: it runs .ci/run, whose steps some recipes call.

_list:
    @{{just_executable()}} --list --unsorted

# the program, as ./smelt
build:
    CGO_ENABLED=0 go build -o smelt ./cmd/smelt

# all tests; `just test ./db/ -run Open` narrows it down
test *args='./...':
    go test {{args}}

# tests of the packages with goroutines, under the race detector
race:
    .ci/run race

# formatting, go vet, staticcheck
lint:
    .ci/run format lint

# builds for every platform, and the check that the linux program is static
cross:
    .ci/run build static

# everything a submission is checked for
ci:
    .ci/run

# the main job on the bundled corpus
demo:
    go run ./cmd/smelt demo

# benchmarks; `just bench ./query/...` for some
bench pkgs='./...' pattern='.':
    go test {{pkgs}} -run '^$' -bench '{{pattern}}' -benchmem

# one fuzz target: just fuzz ./query/ast FuzzParse 5m
fuzz pkg target time='60s':
    go test {{pkg}} -run '^$' -fuzz '^{{target}}$' -fuzztime {{time}}

# write golden files anew in every package that has some; read the diff before you commit
golden:
    grep -rl --include='*_test.go' '"rewrite"' . | xargs -n 1 dirname | sort -u | xargs -I DIR go test DIR -rewrite
