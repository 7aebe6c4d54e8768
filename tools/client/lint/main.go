// Command lint checks an OpenAPI document with a public linter. It uses all rules except the rules that are listed with a
// reason.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/speakeasy-api/openapi/linter"
	"github.com/speakeasy-api/openapi/openapi"
	openapilinter "github.com/speakeasy-api/openapi/openapi/linter"
)

// excused returns the rules that are skipped, with the reason for each.
func excused() map[string]string {
	limits := "a bound on what the server itself writes protects nobody; requests are bounded by the server in bytes"
	answers := "every operation answers with one problem document, described as 4XX and default"
	return map[string]string{
		"owasp-string-limit": limits, "owasp-string-restricted": limits, "owasp-integer-limit": limits, "owasp-array-limit": limits,
		"owasp-additional-properties-constrained": limits,
		"owasp-no-additional-properties":          "args are free by their nature: events and commands of meters yet unknown",
		"owasp-rate-limit":                        "429 with Retry-After is described once, in the document's own text",
		"owasp-define-error-responses-401":        answers, "owasp-define-error-responses-429": answers,
		"owasp-define-error-responses-500": answers, "owasp-define-error-validation": answers,
		"style-info-contact":             "whom to ask is the operator of the server, whom the program does not know",
		"style-license-url":              "the licence is named by its SPDX identifier",
		"style-oas3-api-servers":         "the server is the one that serves the document, and its paths are relative to it",
		"style-operation-error-response": "4XX is described everywhere; the rule knows single numbers only",
		"oas3-example-missing":           "the examples that help stand where they help",
		"style-component-description":    "every field has its description where its name does not say it all",
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: lint DOCUMENT")
		os.Exit(2)
	}
	found, text, err := lint(context.Background(), os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "lint:", err)
		os.Exit(1)
	}
	fmt.Println(text)
	fmt.Printf("%d findings; %d rules are excused\n", found, len(excused()))
	if found > 0 {
		os.Exit(1)
	}
}

func lint(ctx context.Context, file string) (int, string, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	doc, invalid, err := openapi.Unmarshal(ctx, f)
	if err != nil {
		return 0, "", fmt.Errorf("read %s: %w", file, err)
	}
	c := linter.NewConfig()
	c.Extends = []string{"all"}
	off := true
	for id := range excused() {
		c.Rules = append(c.Rules, linter.RuleEntry{ID: id, Disabled: &off})
	}
	l, err := openapilinter.NewLinter(c)
	if err != nil {
		return 0, "", err
	}
	out, err := l.Lint(ctx, linter.NewDocumentInfo(doc, file), invalid, nil)
	if err != nil {
		return 0, "", err
	}
	return len(out.Results), out.FormatText(), nil
}
