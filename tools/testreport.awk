# Shortens what `go test -v` prints to what a reader of the gate needs: a line per package, each skipped test with its
# reason, how many third-party cases passed, a failing package in full, and how many tests ran. The exit status stays
# that of go test: the caller sets pipefail.

/^=== (RUN|PAUSE|CONT|NAME) / { test = $3; next }

{ full = full $0 "\n" }

/^ *--- (PASS|FAIL|SKIP): / {
	count[$2]++
	if ($2 == "SKIP:") brief = brief $0 "\n" log_of[$3]
	next
}

/: cases [^ ]+: passed [0-9]+ of [0-9]+/ { brief = brief $0 "\n" }

/^(ok|\?) / { printf "%s%s\n", brief, $0; start_package(); next }
/^FAIL\t/   { printf "%s", full; start_package(); next }

{ log_of[test] = log_of[test] $0 "\n" }

END {
	printf "%s", full
	printf "%d passed, %d failed, %d skipped\n", count["PASS:"], count["FAIL:"], count["SKIP:"]
}

function start_package(    t) {
	full = brief = test = ""
	for (t in log_of) delete log_of[t]
}
