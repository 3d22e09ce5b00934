package ledger_test

import (
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/money/ledger"
)

func ExampleBook() {
	eur, err := money.ISO("EUR")
	if err != nil {
		log.Fatal(err)
	}
	at := time.Date(2025, 3, 14, 12, 0, 0, 0, time.UTC)
	captured := ledger.Transaction{
		Key: "orders/1042/captured", At: at, Why: "card payment",
		Postings: []ledger.Posting{
			{Account: "psp_clearing", Amount: money.New(11900, eur)},
			{Account: "revenue", Amount: money.New(-10000, eur)},
			{Account: "vat", Amount: money.New(-1900, eur)},
		},
	}
	var book ledger.Book
	for range 2 { // the second time is a no-op
		if err := book.Post(captured); err != nil {
			log.Fatal(err)
		}
	}
	for account, balance := range book.Trial() {
		fmt.Println(account, balance)
	}
	// Output:
	// psp_clearing 119.00 EUR
	// revenue -100.00 EUR
	// vat -19.00 EUR
}

func ExampleBook_Reverse() {
	eur, err := money.ISO("EUR")
	if err != nil {
		log.Fatal(err)
	}
	at := time.Date(2025, 3, 14, 12, 0, 0, 0, time.UTC)
	var book ledger.Book
	if err := book.Post(ledger.Transaction{Key: "payouts/7", At: at, Postings: []ledger.Posting{
		{Account: "bank", Amount: money.New(-5000, eur)},
		{Account: "merchant/12", Amount: money.New(5000, eur)},
	}}); err != nil {
		log.Fatal(err)
	}
	back, err := book.Reverse("payouts/7", "payouts/7/returned", at.Add(time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(back.Postings, "reverses", back.Reverses)
	_, err = book.Reverse("payouts/7", "payouts/7/returned-again", at.Add(2*time.Hour))
	fmt.Println(errors.Is(err, ledger.ErrReversed), book.Balance("bank", eur))
	// Output:
	// [{bank 50.00 EUR} {merchant/12 -50.00 EUR}] reverses payouts/7
	// true 0.00 EUR
}
