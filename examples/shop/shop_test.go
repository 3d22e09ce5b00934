package main_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden output")

// shopBinary builds the program once for a test.
func shopBinary(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "shop")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

func runShop(t *testing.T, program string, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, progress bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdout, cmd.Stderr = &out, &progress
	if err := cmd.Run(); err != nil {
		t.Fatalf("shop %q: %v\n%s%s", args, err, out.Bytes(), progress.Bytes())
	}
	return out.String(), progress.String()
}

// timeless drops the lines that depend on how long something took, or on who was faster.
func timeless(s string) string {
	return regexp.MustCompile(`(?m)^(took|~) .*\n`).ReplaceAllString(s, "")
}

func TestOutputIsGolden(t *testing.T) {
	stdout, _ := runShop(t, shopBinary(t))
	golden := filepath.Join("testdata", "output.txt")
	got := timeless(stdout)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("output differs from %s:\n%s", golden, got)
	}
}

func TestGeneratedOrdersAreThoseOfTheGenerator(t *testing.T) {
	got, err := exec.CommandContext(t.Context(), "go", "run", "./gendata").Output()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("orders.csv")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("gendata prints other orders than orders.csv holds")
	}
}

func TestWrongArgumentsAreNamed(t *testing.T) {
	program := shopBinary(t)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-orders", "absent.csv"}, "absent.csv"},
		{[]string{"-orders", "shop_test.go"}, "columns are"},
		{[]string{"-dsn", "postgres://%zz"}, "-dsn"},
		{[]string{"serve"}, `unexpected argument "serve"`},
	} {
		out, err := exec.CommandContext(t.Context(), program, tt.args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), tt.want) {
			t.Errorf("shop %q: error %v, output %q, want it to name %q", tt.args, err, out, tt.want)
		}
	}
}

// The totals that the shop prints must be those of a sum that shares no code
// with it, for three days of real orders.
func TestRealOrdersAddUp(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testdata(t), "online-retail", "*.csv"))
	if err != nil || len(files) == 0 {
		t.Skipf("no real orders: %v", err)
	}
	var args []string
	for _, file := range files {
		args = append(args, "-orders", file)
	}
	want := sumOrders(t, files)
	stdout, stderr := runShop(t, shopBinary(t), append(args, "-once")...)
	if got := printedTotals(t, stdout); got != want {
		t.Errorf("shop prints %+v, the files have %+v", got, want)
	}
	if listed := len(regexp.MustCompile(`(?m)^  row \d+ `).FindAllString(stdout, -1)); listed != want.skipped {
		t.Errorf("%d rows are listed, %d are not priced", listed, want.skipped)
	}
	if !strings.Contains(stderr, "100 %") {
		t.Errorf("no progress bar on %d lines: %q", want.priced, stderr)
	}
	checkWaterfall(t, stdout)
	checkStock(t, stdout, want.onHand)
}

// checkStock adds up what the checkout prints of its stock: all of it is sold but what came
// back, since more was wanted of everything.
func checkStock(t *testing.T, stdout string, onHand int64) {
	t.Helper()
	units := map[string]int64{}
	for _, m := range regexp.MustCompile(`(?m)^~ units (.+?) +(\d+)$`).FindAllStringSubmatch(stdout, -1) {
		n, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		units[m[1]] = n
	}
	before, sold, after := units["on hand before"], units["sold"], units["on hand after"]
	if before != onHand || before != sold+after || sold == 0 {
		t.Errorf("%d on hand before, want %d; %d sold, %d on hand after", before, onHand, sold, after)
	}
}

// testdata is the folder of third-party data.
func testdata(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("TENON_TESTDATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "testdata")
	}
	if _, err := os.Stat(dir); err != nil { //nolint:gosec // the folder that the test was pointed to
		t.Skipf("no third-party data: %v", err)
	}
	return dir
}

type sums struct {
	rows, priced, skipped, returns int
	paid                           string // pounds
	onHand                         int64  // four fifths of the units of each product
}

func sumOrders(t *testing.T, files []string) sums {
	t.Helper()
	var s sums
	pennies := new(big.Rat)
	units := map[string]int64{}
	for _, file := range files {
		for _, r := range records(t, file) {
			s.rows++
			quantity, okQuantity := new(big.Rat).SetString(r[3])
			price, okPrice := new(big.Rat).SetString(r[5])
			switch {
			case strings.HasPrefix(r[0], "C"):
				s.returns++
				s.skipped++
			case !okQuantity || !okPrice || quantity.Sign() <= 0 || price.Sign() <= 0:
				s.skipped++
			default:
				s.priced++
				units[r[1]] += quantity.Num().Int64() // all are whole
				line := new(big.Rat).Mul(quantity, price)
				// Half up to the penny, as a till does.
				line.Mul(line, big.NewRat(100, 1)).Add(line, big.NewRat(1, 2))
				pennies.Add(pennies, new(big.Rat).SetInt(new(big.Int).Div(line.Num(), line.Denom())))
			}
		}
	}
	for _, n := range units {
		s.onHand += n * 4 / 5
	}
	s.paid = pennies.Quo(pennies, big.NewRat(100, 1)).FloatString(2)
	return s
}

// records are the rows of a file.
func records(t *testing.T, file string) [][]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func printedTotals(t *testing.T, stdout string) sums {
	t.Helper()
	find := func(pattern string) []string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(stdout)
		if m == nil {
			t.Fatalf("no %q in the output:\n%s", pattern, stdout)
		}
		return m
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	in := find(`rows in (\d+) = priced (\d+) \+ not priced (\d+)`)
	all := find(`(?m)^ *all +(\d+) +([0-9.]+) GBP`)
	if all[1] != in[2] {
		t.Errorf("%s lines are priced, %s are summed", in[2], all[1])
	}
	onHand := find(`rounded down: (\d+)`)
	return sums{number(in[1]), number(in[2]), number(in[3]), number(find(`of these (\d+) returns`)[1]), all[2], int64(number(onHand[1]))}
}

// checkWaterfall adds up the signed deltas of every waterfall that is printed.
func checkWaterfall(t *testing.T, stdout string) {
	t.Helper()
	step := regexp.MustCompile(`(?m)^.*  ([+-][0-9.]+)  +([0-9.]+)  [ +-]*$`)
	total := regexp.MustCompile(`(?m)^.*  ([0-9.]+)  =+$`)
	charts := 0
	sum := new(big.Rat)
	for line := range strings.Lines(stdout) {
		if m := step.FindStringSubmatch(line); m != nil {
			delta, _ := new(big.Rat).SetString(strings.TrimPrefix(m[1], "+"))
			after, _ := new(big.Rat).SetString(m[2])
			if sum.Add(sum, delta).Cmp(after) != 0 {
				t.Errorf("the steps sum to %s at %q", sum.FloatString(6), line)
			}
		}
		if m := total.FindStringSubmatch(line); m != nil {
			charts++
			if want, _ := new(big.Rat).SetString(m[1]); sum.Cmp(want) != 0 {
				t.Errorf("a waterfall sums to %s, its total is %s", sum.FloatString(6), m[1])
			}
			sum = new(big.Rat)
		}
	}
	if charts < 2 {
		t.Errorf("%d waterfalls, want 2:\n%s", charts, fmt.Sprintf("%.2000s", stdout))
	}
}
