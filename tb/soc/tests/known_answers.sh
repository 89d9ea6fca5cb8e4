#!/bin/sh
# Builds and runs known_answers.c for each format and hash on the host.
set -e
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -r "$out"' EXIT
for exact in 0 1; do
    for hash in 0 1 2; do
        for format in line chained cuckoo inverted tree radix; do
            ${CC:-cc} -std=gnu11 -O1 -Wall -Wextra -Werror -DHOST -DHASH=$hash -DEXACT=$exact -Ikernel -Ihandlers -o "$out/test" \
                tests/known_answers.c handlers/hash.c handlers/searches.c handlers/$format.c
            echo "$format, hash $hash, exact $exact: $("$out/test")"
        done
    done
done
