package pricing_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/tenon-go/tenon/pricing"
)

// An armed change: published now, in force at midnight.
func ExampleEngine_Publish() {
	engine, err := pricing.New(pricing.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for _, version := range []string{
		`{"version": 1, "effective_from": "2026-01-01T00:00:00Z", "rules": [
			{"id": "tea", "kind": "base", "on": {"product": "tea"}, "currency": "EUR", "amount": "4.90"}]}`,
		`{"version": 2, "effective_from": "2026-07-01T00:00:00Z", "rules": [
			{"id": "tea", "kind": "base", "on": {"product": "tea"}, "currency": "EUR", "amount": "5.20"}]}`,
	} {
		rules, err := pricing.ParseRules([]byte(version))
		if err != nil {
			log.Fatal(err)
		}
		snapshot, err := pricing.Compile(rules)
		if err != nil {
			log.Fatal(err)
		}
		if err := engine.Publish(snapshot); err != nil {
			log.Fatal(err)
		}
	}
	query, err := pricing.ParseQuery([]byte(`{"product": "tea", "currency": "EUR"}`))
	if err != nil {
		log.Fatal(err)
	}
	midnight := time.Date(2026, time.July, 1, 0, 0, 0, 0, time.UTC)
	for _, query.At = range []time.Time{midnight.Add(-time.Second), midnight} {
		quote, err := engine.Price(query)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(query.At.Format(time.DateTime), quote.Unit, "version", quote.Version)
	}
	// Output:
	// 2026-06-30 23:59:59 4.90 EUR version 1
	// 2026-07-01 00:00:00 5.20 EUR version 2
}

// Prices are edited in one place and used in another: the book publishes, each
// node's source follows.
func ExampleSource() {
	ctx, stop := context.WithCancel(context.Background())
	store := pricing.NewMemoryStore() // or sqlpricing.New

	engine, err := pricing.New(pricing.Config{})
	if err != nil {
		log.Fatal(err)
	}
	source, err := pricing.NewSource(store, "eu", engine, pricing.SourceConfig{
		OnError: func(err error) { log.Print(err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	publishTea(ctx, store)
	if _, err := source.Refresh(ctx); err != nil { // be ready before the first request
		log.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- source.Run(ctx) }()

	query, err := pricing.ParseQuery([]byte(`{"product": "tea", "qty": "3", "currency": "EUR"}`))
	if err != nil {
		log.Fatal(err)
	}
	quote, err := engine.Price(query) // at the present second
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(quote.Line, "version", quote.Version, "unsure:", quote.Unsure)
	stop()
	fmt.Println("stopped:", errors.Is(<-done, context.Canceled))
	// Output:
	// 14.70 EUR version 1 unsure: false
	// stopped: true
}

// publishTea publishes a first version at once.
func publishTea(ctx context.Context, store pricing.Store) {
	rules, err := pricing.ParseRules([]byte(`{"rules": [
		{"id": "tea", "kind": "base", "on": {"product": "tea"}, "currency": "EUR", "amount": "4.90"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	book, err := pricing.NewBook(store, "eu", pricing.BookConfig{})
	if err != nil {
		log.Fatal(err)
	}
	draft, err := book.Save(ctx, pricing.Draft{Rules: rules})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := book.Publish(ctx, pricing.Publication{Revision: draft.Revision, Immediate: true}); err != nil {
		log.Fatal(err)
	}
}

// A draft is reviewed and published; who reviewed an older one gets a conflict.
func ExampleBook() {
	ctx := context.Background()
	now := func() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }
	book, err := pricing.NewBook(pricing.NewMemoryStore(), "eu", pricing.BookConfig{Now: now})
	if err != nil {
		log.Fatal(err)
	}
	rules, err := pricing.ParseRules([]byte(`{"rules": [
		{"id": "tea", "kind": "base", "on": {"product": "tea"}, "currency": "EUR", "amount": "4.90"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	reviewed, err := book.Save(ctx, pricing.Draft{Rules: rules})
	if err != nil {
		log.Fatal(err)
	}
	head, err := book.Publish(ctx, pricing.Publication{Revision: reviewed.Revision, By: "ann", Note: "spring"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("version", head.Version, "by", head.By, "from", head.EffectiveFrom.Format(time.TimeOnly))

	if _, err := book.Save(ctx, pricing.Draft{Revision: reviewed.Revision}); err != nil { // all rules gone
		log.Fatal(err)
	}
	_, err = book.Publish(ctx, pricing.Publication{Revision: reviewed.Revision, After: head.Version})
	fmt.Println("conflict:", errors.Is(err, pricing.ErrConflict))

	snapshot, err := book.Snapshot(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("version 1 has", snapshot.Len(), "rule")
	// Output:
	// version 1 by ann from 12:00:20
	// conflict: true
	// version 1 has 1 rule
}
