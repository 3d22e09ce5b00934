package medusatest

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tenon-go/tenon/promotions"
)

// Version is that of @medusajs/promotion.
const Version = "2.21.2"

//go:embed medusa.cjs
var program string

// A Job is carts to be evaluated under one set, the whole Repeat times over; promotions go
// in the order of the set.
type Job struct {
	Set    promotions.Set    `json:"set"`
	Carts  []promotions.Cart `json:"carts"`
	Repeat int               `json:"repeat"`
}

// An Answer is what Medusa says.
type Answer struct {
	Carts         []Cart  `json:"carts"`
	NsPerEvaluate float64 `json:"ns"` // after a warm-up
}

// A Cart is what is taken off a cart, as decimals without rounding, by line and charge.
type Cart struct {
	Lines    map[string]string `json:"lines"`
	Shipping map[string]string `json:"shipping"`
}

// Run answers a job. It skips the test with one line where node or npm is absent, or the
// package cannot be had.
func Run(tb testing.TB, job Job) Answer {
	tb.Helper()
	folder := install(tb)
	input, err := json.Marshal(job)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "-e", program) //nolint:gosec // the program is embedded
	cmd.Dir = folder
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	output, err := cmd.Output()
	if err != nil {
		tb.Fatalf("node: %v\n%s", err, stderr.Bytes())
	}
	var answer Answer
	if err := json.Unmarshal(output, &answer); err != nil {
		tb.Fatalf("node prints %q: %v", output, err)
	}
	return answer
}

// install returns a folder that has the package: TENON_MEDUSA, or one of the user's cache.
func install(tb testing.TB) string {
	tb.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			tb.Skipf("no Medusa: %s is absent", tool)
		}
	}
	folder := os.Getenv("TENON_MEDUSA")
	if folder == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			tb.Skipf("no Medusa: %v", err)
		}
		folder = filepath.Join(cache, "tenon", "medusa-"+Version)
	}
	if installed(folder) {
		return folder
	}
	if err := fetch(tb.Context(), folder); err != nil && !installed(folder) {
		tb.Skipf("no Medusa: %v", err)
	}
	return folder
}

func installed(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "node_modules", "@medusajs", "utils", "dist", "index.js")) //nolint:gosec // a folder of the user's own choice
	return err == nil
}

// fetch installs the package beside a folder and then makes it that one: whoever sees it
// there sees it whole.
func fetch(ctx context.Context, folder string) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil { //nolint:gosec // as above
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(folder), "medusa-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh) //nolint:errcheck // a rest is harmless
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "--prefix", ".", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps",
		"@medusajs/promotion@"+Version, "@medusajs/utils@"+Version)
	cmd.Dir = fresh
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install: %w: %.200s", err, output)
	}
	return os.Rename(fresh, folder) //nolint:gosec // as above
}
