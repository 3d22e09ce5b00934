package codes_test

import (
	"fmt"
	"log"

	"github.com/tenon-go/tenon/promotions/codes"
)

// A thousand codes for a letter to customers. The key comes from where secrets are kept; nothing else is stored.
func ExampleNew() {
	secret := []byte("32 random bytes, from a key vault")
	letter, err := codes.New(secret, "letter-2026", 1000, codes.Config{})
	if err != nil {
		log.Fatal(err)
	}
	code, err := letter.At(41)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(code)

	canonical, ok := letter.Check("9dlq 824y shrj v")
	fmt.Println(canonical, ok)
	// Output:
	// 9D1Q-824Y-SHRJ-V
	// 9D1Q824YSHRJV true
}

// What a buyer types is a code, mistyped, or none of this batch's.
func ExampleCodes_Check() {
	letter, err := codes.New([]byte("32 random bytes, from a key vault"), "letter-2026", 1000, codes.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for _, typed := range []string{"9D1Q-824Y-SHRJ-V", "9D1Q-842Y-SHRJ-V", "9D1Q-824Y-SHRK-V", "SUMMER", "9D1Q-824Y-SHRK-W"} {
		switch canonical, ok := letter.Check(typed); {
		case ok:
			fmt.Println(typed, "is code", canonical)
		case canonical != "":
			fmt.Println(typed, "is mistyped")
		default:
			fmt.Println(typed, "is unknown")
		}
	}
	// Output:
	// 9D1Q-824Y-SHRJ-V is code 9D1Q824YSHRJV
	// 9D1Q-842Y-SHRJ-V is mistyped
	// 9D1Q-824Y-SHRK-V is mistyped
	// SUMMER is unknown
	// 9D1Q-824Y-SHRK-W is unknown
}
