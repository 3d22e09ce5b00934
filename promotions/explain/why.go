package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/promotions"
)

// Why says in one sentence, without a full stop, what became of a promotion: what it took, why it did not fire, or that
// the result does not mention it.
func Why(r promotions.Result, id string) string {
	for i := range r.Applied {
		if r.Applied[i].Promotion == id {
			return printable(id + ": " + took(&r.Applied[i]))
		}
	}
	for i := range r.Rejected {
		if r.Rejected[i].Promotion == id {
			return printable(id + ": " + reason(&r, &r.Rejected[i]))
		}
	}
	return printable(id + ": not looked at; nothing in the cart leads to it, or reasons were not asked for")
}

// took is what an application did.
func took(a *promotions.Application) string {
	var targets []string
	for _, s := range a.Shares {
		if !slices.Contains(targets, s.Target) {
			targets = append(targets, s.Target)
		}
	}
	text := a.Amount.Text() + " off " + list(targets)
	if a.Times > 1 {
		text += fmt.Sprintf(", applied %d times", a.Times)
	}
	if a.Code != "" {
		text += ", opened by code " + a.Code
	}
	return text
}

// list names a few, and counts many.
func list(names []string) string {
	switch n := len(names); {
	case n == 0:
		return "nothing"
	case n > 4:
		return fmt.Sprintf("%d lines", n)
	case n > 1:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	default:
		return names[0]
	}
}

// reason is why a promotion did not fire.
func reason(result *promotions.Result, r *promotions.Rejection) string {
	switch r.Reason {
	case promotions.NotStarted:
		return "has not started"
	case promotions.Ended:
		return "has ended"
	case promotions.NoCode:
		return "needs a code that the cart does not have"
	case promotions.OtherCurrency:
		return "is for another currency than " + result.Total.Currency().String()
	case promotions.NeedsCustomer:
		return "is limited for each customer, and the cart is a guest's"
	case promotions.LimitReached:
		return fmt.Sprintf("is used up: %s has %s of %s left", account(r), either(r.Have, "0"), r.Want)
	case promotions.ConditionFailed:
		return condition(result, r)
	case promotions.ExclusiveOther:
		return other(r, "%s stands alone", "stands alone, and others fired")
	case promotions.Stopped:
		return other(r, "%s lets nothing fire after it", "something before it lets nothing fire after it")
	case promotions.GroupFull:
		return other(r, "its place is taken by %s", "no place is left where it belongs")
	case promotions.Conflicts:
		return other(r, "does not go together with %s", "does not go together with what fired")
	case promotions.NoEffect:
		return "there is nothing that it could take"
	case promotions.BudgetExceeded:
		return fmt.Sprintf("takes more than is left: %s has %s of %s", account(r), either(r.Have, "0"), r.Want)
	case promotions.NotBest:
		return other(r, "%s takes more", "others are better for the buyer")
	default:
		return string(r.Reason)
	}
}

// other words a rejection that another promotion is the reason of.
func other(r *promotions.Rejection, by, without string) string {
	if r.Other == "" || r.Other == r.Promotion {
		return without
	}
	return fmt.Sprintf(by, r.Other)
}

func account(r *promotions.Rejection) string { return either(r.Field, "an account") }

func either(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// condition is what the first deciding leaf asked for, what the cart has there, and how to reach it.
func condition(result *promotions.Result, r *promotions.Rejection) string {
	have := either(r.Have, "nothing")
	add := ""
	for _, near := range result.Near {
		if near.Promotion == r.Promotion && near.Field == r.Field {
			add = "; add " + amount(result, r.Field, near.Gap)
			have = near.Have
		}
	}
	want, have := amount(result, r.Field, r.Want), amount(result, r.Field, have)
	what, known := nouns(r.Field)
	switch {
	case known && r.Op == ">=":
		return fmt.Sprintf("needs %s%s, has %s%s", want, what, have, add)
	case known && r.Op == ">":
		return fmt.Sprintf("needs more than %s%s, has %s%s", want, what, have, add)
	default:
		return fmt.Sprintf("needs %s %s %s, has %s%s", r.Field, r.Op, want, have, add)
	}
}

// nouns puts a number of the cart into words.
func nouns(field string) (what string, known bool) {
	switch field {
	case "cart.subtotal":
		return " before discounts", true
	case "cart.subtotal_now":
		return " after discounts", true
	case "cart.units":
		return " units", true
	case "lines.amount":
		return " of its products", true
	case "lines.count":
		return " units of its products", true
	case "customer.orders":
		return " earlier orders", true
	default:
		return "", false
	}
}

// amount writes a number of a money field with the digits of the currency; anything else stays as it is.
func amount(result *promotions.Result, field, text string) string {
	switch field {
	case "cart.subtotal", "cart.subtotal_now", "lines.amount", "line.price", "shipping.price":
	default:
		return text
	}
	d, err := decimal.NewFromString(text)
	if err != nil || d.Exponent() < -18 || d.Exponent() > 18 {
		return text
	}
	if digits := int32(result.Total.Currency().Digits()); -d.Exponent() < digits { //nolint:gosec // at most 18
		return d.StringFixed(digits)
	}
	return text
}
