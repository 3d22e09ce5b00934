package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/tenon-go/tenon/examples/shop/database"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// generated are the orders of the demo, made by gendata.
//
//go:embed orders.csv
var generated []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has run
	}
}

// A scene is one engine at work. Scenes run in order and share the shop.
type scene struct {
	name string
	run  func(ctx context.Context, s *shop) error
}

func scenes() []scene {
	return []scene{
		{"pricing", pricingScene},
		{"promotions", promotionsScene},
		{"checkout", checkoutScene},
		{"resilience", resilienceScene},
		{"lineage", lineageScene},
		{"tracing", tracingScene},
	}
}

// shop is what the scenes share. A scene adds what the later ones need.
type shop struct {
	out      *printer // what a run prints
	progress *printer // bars, which no test compares
	db       *database.Database
	orders   *Retail
	prices   *pricing.Engine // with the book of scene one
	// opening is the midnight before the first order. The shop's clock stands
	// there while it publishes, so that prices are in force when orders come.
	opening time.Time
}

func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	flags := flag.NewFlagSet("shop", flag.ContinueOnError)
	flags.SetOutput(progress)
	var files []string
	flags.Func("orders", "orders in the form of the UCI \"Online Retail\" data set; may be given several times (default: generated ones)", func(file string) error {
		files = append(files, file)
		return nil
	})
	dsn := flags.String("dsn", "", "PostgreSQL, as postgres://... (default: SQLite in a temporary folder)")
	flags.Bool("once", false, "run the scenes to their end and exit")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	orders, name, err := readOrders(files)
	if err != nil {
		return err
	}
	if len(orders.Lines) == 0 {
		return fmt.Errorf("%s: no line that can be priced in %d rows", name, orders.Rows)
	}
	db, err := database.Open(ctx, *dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	s := &shop{out: &printer{out: out}, progress: &printer{out: progress}, db: db, orders: orders, opening: opening(orders)}
	s.out.printf("Tenon shop: %s, %d rows\n", name, orders.Rows)
	for i, scene := range scenes() {
		start := time.Now()
		s.out.printf("\n== %d. %s\n", i+1, scene.name)
		if err := scene.run(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", scene.name, err)
		}
		s.out.printf("took %v on %s\n", time.Since(start).Round(time.Millisecond), db.Name)
	}
	return s.out.err
}

func readOrders(files []string) (all *Retail, name string, err error) {
	gbp, err := money.ISO("GBP")
	if err != nil {
		return nil, "", err
	}
	if len(files) == 0 {
		all, err = readRetail(bytes.NewReader(generated), gbp)
		return all, "generated orders", err
	}
	all = &Retail{}
	for _, file := range files {
		orders, err := readFile(file, gbp)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", file, err)
		}
		all.Rows += orders.Rows
		all.Lines = append(all.Lines, orders.Lines...)
		all.Skipped = append(all.Skipped, orders.Skipped...)
	}
	return all, "orders of " + strings.Join(files, ", "), nil
}

func readFile(name string, currency money.Currency) (*Retail, error) {
	f, err := os.Open(name) // #nosec G304 -- the user names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	return readRetail(f, currency)
}

// opening is the midnight before the first order of a file that is in any order.
func opening(orders *Retail) time.Time {
	first := orders.Lines[0].At
	for _, l := range orders.Lines {
		if l.At.Before(first) {
			first = l.At
		}
	}
	return first.Truncate(24 * time.Hour)
}
