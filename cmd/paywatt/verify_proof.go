package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/proof"
)

// maxProofFile is the largest receipt or head that is read.
const maxProofFile = 1 << 20

// publicKey reads --key: the public line itself, or a file that holds it.
func publicKey(given string) (string, error) {
	if given == "" {
		return "", nil
	}
	if line, ok := proof.PublicKey(given); ok {
		return line, nil
	}
	text, err := readSmall(given)
	if err == nil {
		if line, ok := proof.PublicKey(string(text)); ok {
			return line, nil
		}
	}
	return "", usage("--key "+given+" is neither a public key nor a file with one.",
		"A public key looks like paywatt-1a2b3c4d+5e6f7a8b+A…. paywatt report head shows it.")
}

// readSmall reads a file of limited size.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // the file was only read
	b, err := io.ReadAll(io.LimitReader(f, maxProofFile+1))
	if err == nil && len(b) > maxProofFile {
		err = fmt.Errorf("%s is larger than a receipt or a head can be", path)
	}
	return b, err
}

// prove checks a receipt, or a head against another head, using only the named files.
func (c console) prove(cmd *cobra.Command, args, heads []string, key string, scope bool) error {
	for _, name := range []string{"data", storeFlagName} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			return usage("--"+name+" cannot be used with a receipt or with two heads, because they are checked without a database.", "Leave --"+name+" out, or give one --head to check the database.")
		}
	}
	q := proof.Question{Key: key}
	unreadable := func(path string, err error) error {
		f := &exit.Failure{Code: exit.Usage, What: "The file cannot be read: " + err.Error() + ".", Not: "The check did not run.", Try: "Check the file " + path + "."}
		if errors.Is(err, fs.ErrNotExist) {
			f.Code = exit.NotFound
		}
		return f
	}
	for _, path := range heads {
		text, err := readSmall(path)
		if err != nil {
			return unreadable(path, err)
		}
		h, err := proof.ParseHeadFile(path, string(text))
		if err != nil {
			return unreadable(path, err)
		}
		q.Heads = append(q.Heads, h)
	}
	if len(args) == 1 {
		var err error
		if q.Receipt, err = readSmall(args[0]); err != nil {
			return unreadable(args[0], err)
		}
	}
	return c.showVerdict(cmd, q, proof.Check(q), scope)
}

// verdictView is a verdict as JSON.
type verdictView struct {
	Answer  proof.Answer `json:"answer"`
	What    string       `json:"what,omitempty"`
	Try     string       `json:"try,omitempty"`
	Changed []string     `json:"changed,omitempty"`
	No      string       `json:"receipt_no,omitempty"`
	Vend    string       `json:"vend,omitempty"`
	Log     string       `json:"log,omitempty"`
	Pos     int64        `json:"pos,omitempty"`
	Heads   []headView   `json:"heads,omitempty"`
	Key     string       `json:"key,omitempty"`
	NewKey  string       `json:"key_handed_over_to,omitempty"`
	Because string       `json:"key_believed_because,omitempty"`
	Open    []string     `json:"not_covered,omitempty"`
}

type headView struct {
	Size  int64     `json:"size"`
	Seal  int64     `json:"seal"`
	Epoch int64     `json:"epoch"`
	At    time.Time `json:"at"`
}

// showVerdict writes the verdict, then the evidence for it. It fails unless the answer is proven.
func (c console) showVerdict(cmd *cobra.Command, q proof.Question, v proof.Verdict, scope bool) error {
	view := verdictView{Answer: v.Answer, What: v.What, Try: v.Try, Changed: v.Changed, No: v.Receipt.No, Vend: v.Receipt.Sale, Log: v.Origin, Pos: v.Pos, Key: v.Key, NewKey: v.NewKey}
	rows := []string{"answer", strings.ToUpper(string(v.Answer)), "receipt", v.Receipt.No, "sale", v.Receipt.Sale}
	for _, line := range v.Changed {
		rows = append(rows, "changed", line)
	}
	if v.Answer == proof.Proven && q.Receipt != nil {
		rows = append(rows, "sold", v.Receipt.At.Format("2006-01-02 15:04:05 -07:00"), "meter", v.Receipt.Meter,
			"paid", money.Format(v.Receipt.Tendered, v.Receipt.Currency)+" "+v.Receipt.Currency.Code, "units", v.Receipt.Units.KWh(1)+" kWh",
			"place in the log", strconv.FormatInt(v.Pos, 10))
		view.Open = proof.Uncovered()
	}
	rows = append(rows, "log", v.Origin)
	for n, h := range v.Heads {
		if n > 0 && h.Note == v.Heads[n-1].Note {
			continue // the given head is the same as the head of the proof
		}
		view.Heads = append(view.Heads, headView{h.Size, h.Seal, h.Epoch, h.At})
		rows = append(rows, "head", fmt.Sprintf("%d leaves, seal %d, %s", h.Size, h.Seal, h.At.UTC().Format("2006-01-02 15:04:05 UTC")))
	}
	if v.Key != "" {
		view.Because = "it was given with --key"
		if v.KeyFrom != "" {
			view.Because = v.KeyFrom + " names it, and whoever gave you that file may have chosen it: compare it with what the utility has published, or give --key"
		}
		rows = append(rows, "key", v.Key)
		if v.NewKey != "" {
			rows = append(rows, "handed over to", v.NewKey)
		}
	}
	err := c.headline(cmd, proofVerdict(q, v))
	if err == nil {
		err = c.show(cmd, view, fields(rows...))
	}
	if err == nil && scope {
		err = c.scope(cmd, proofCovers(), proof.Uncovered())
	}
	if err != nil {
		return err
	}
	if v.Key != "" {
		c.tell("The key was trusted because %s.", view.Because)
	}
	if v.Answer != proof.Proven {
		return &exit.Failure{Code: verdictExit(v.Answer), What: v.What, Not: "The proof failed.", Try: v.Try}
	}
	if q.Receipt != nil && len(q.Heads) == 0 {
		c.tell("No head was given, so the one that came with the receipt was trusted. Whoever made both can show other people another log.")
	}
	return nil
}

// proofVerdict is the verdict on a receipt, or on two heads, in one line.
func proofVerdict(q proof.Question, v proof.Verdict) string {
	switch {
	case v.Answer != proof.Proven:
		return "Not proven: " + v.What
	case q.Receipt == nil:
		return fmt.Sprintf("Proven: the log of %d leaves begins with the whole log of %d leaves. It has only grown.", v.Under.Size, v.Heads[0].Size)
	}
	return fmt.Sprintf("Proven: the figures on this receipt were sealed with its sale, under the signed head of %d leaves.", v.Under.Size)
}

// proofCovers says what the proof of a receipt checks.
func proofCovers() []string {
	return []string{
		"the figures on the receipt are those that were sealed with the sale",
		"the sealed sale is in the log that the signed head names",
		"the key has signed the head",
		"with two heads: the newer log begins with the whole older one",
	}
}

func verdictExit(a proof.Answer) int {
	switch a {
	case proof.BrokenDoc, proof.NoKey:
		return exit.Usage
	case proof.NotUnder:
		return exit.Refused
	}
	return exit.Failed
}
