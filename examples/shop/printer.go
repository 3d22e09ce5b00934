package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// A printer writes what a run prints and keeps the first error: a pipe that was
// closed ends in an error and not in a page that looks complete.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) Write(b []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	n, err := p.out.Write(b)
	p.err = err
	return n, err
}

func (p *printer) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(p, format, args...) // p keeps the error
}

// table prints rows in columns, the first row before all others. With right,
// columns are aligned to the right, as sums are.
func (p *printer) table(right bool, rows [][]string) {
	flags, end := uint(0), ""
	if right {
		flags, end = tabwriter.AlignRight, "\t"
	}
	w := tabwriter.NewWriter(p, 0, 0, 2, ' ', flags)
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t")+end) // p keeps the error
	}
	_ = w.Flush()
}

// bar shows how far a long loop is. Short loops draw nothing.
type bar struct {
	out         *printer
	label       string
	total, done int
	shown       int // percent
}

// long is the number of steps from which a bar is worth drawing.
const long = 1000

func newBar(out *printer, label string, total int) *bar {
	return &bar{out: out, label: label, total: total, shown: -1}
}

// add counts n steps and redraws when a percent is full.
func (b *bar) add(n int) {
	b.done += n
	if b.total < long {
		return
	}
	percent := b.done * 100 / b.total
	if percent == b.shown {
		return
	}
	b.shown = percent
	full := percent * 40 / 100
	b.out.printf("\r%s [%s%s] %3d %%", b.label, strings.Repeat("#", full), strings.Repeat(".", 40-full), percent)
	if b.done >= b.total {
		b.out.printf("\n")
	}
}
