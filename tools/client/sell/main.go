// Command sell buys electricity and prints the token. It uses a client that a public generator has made from Paywatt's
// OpenAPI document, as a new developer would. The package gen is this client. It is generated before the build and never
// committed.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"github.com/paywatt/paywatt/tools/client/gen"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "sell:", err)
		os.Exit(1)
	}
}

// run sells twice under one Idempotency-Key. The second answer must equal the first.
func run(ctx context.Context) error {
	if len(os.Args) != 4 {
		return errors.New("usage: sell METER AMOUNT_MINOR CURRENCY (PAYWATT_URL and PAYWATT_KEY in the environment)")
	}
	minor, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		return err
	}
	c, err := gen.NewClientWithResponses(os.Getenv("PAYWATT_URL"), gen.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+os.Getenv("PAYWATT_KEY"))
		return nil
	}))
	if err != nil {
		return err
	}
	first, err := sell(ctx, c, os.Args[1], minor, os.Args[3])
	if err != nil {
		return err
	}
	again, err := sell(ctx, c, os.Args[1], minor, os.Args[3])
	if err != nil {
		return fmt.Errorf("the same request again: %w", err)
	}
	if first.Id != again.Id || first.Tokens[0].Digits != again.Tokens[0].Digits {
		return fmt.Errorf("the same request gave two sales: %s and %s", first.Id, again.Id)
	}
	fmt.Println(first.Tokens[0].Digits)
	return nil
}

func sell(ctx context.Context, c *gen.ClientWithResponses, meter string, minor int64, currency string) (*gen.Sale, error) {
	key := "generated-client-0001"
	r, err := c.SellWithResponse(ctx, &gen.SellParams{IdempotencyKey: key},
		gen.SellJSONRequestBody{Meter: meter, Tender: gen.Amount{AmountMinor: minor, Currency: currency}})
	switch {
	case err != nil:
		return nil, err
	case r.JSON201 == nil:
		return nil, fmt.Errorf("status %d: %s", r.StatusCode(), r.Body)
	case len(r.JSON201.Tokens) != 1:
		return nil, fmt.Errorf("%d tokens, want 1", len(r.JSON201.Tokens))
	}
	return r.JSON201, nil
}
