package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/sts"
)

func newVendingKeyCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "vendingkey", Short: "Add and list vending keys, and change their passphrase"}
	cmd.AddCommand(newVendingKeyAdd(c), newVendingKeyList(c), newVendingKeyPassphrase(c))
	return cmd
}

// vendingKeyOptions are the options of vendingkey add.
type vendingKeyOptions struct {
	data, sgc, dkga, baseDate, file string
	krn, kt, ken                    uint8
	test                            bool
}

func newVendingKeyAdd(c console) *cobra.Command {
	var o vendingKeyOptions
	cmd := &cobra.Command{
		Use:   "add --sgc 123456 --krn 1 --kt 2 --dkga 02 --base-date 2014 --key-file F",
		Short: "Add a vending key; a server may be running",
		Long: "Add a vending key to the key store; a server may be running. The first key creates the key store and asks for its passphrase. No\n" +
			"command ever shows a vending key.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fact, err := o.fact()
			if err != nil {
				return err
			}
			return c.addVendingKey(cmd, o, fact)
		},
	}
	f := cmd.Flags()
	c.dataFlag(cmd, &o.data)
	f.StringVar(&o.sgc, "sgc", "", "supply group code, 6 digits")
	f.Uint8Var(&o.krn, "krn", 1, "key revision number, 1 to 9")
	f.Uint8Var(&o.kt, "kt", uint8(sts.DUTK), "key type of the meters, 1 to 3")
	o.dkga, o.baseDate = "02", sts.Base2014.String()
	wordFlag(f, &o.dkga, "dkga", "key derivation algorithm: 02 or 04", []string{"02", "04"})
	wordFlag(f, &o.baseDate, "base-date", "base date: 1993, 2014 or 2035", baseDates())
	f.StringVar(&o.file, "key-file", "", "file with the vending key in one line of hex digits; - for standard input (needed)")
	f.Uint8Var(&o.ken, "ken", 255, "key expiry number, 255 for never")
	f.BoolVar(&o.test, "test", false, "mark the key as a test key, for virtual meters and meters on a bench")
	return cmd
}

func (o vendingKeyOptions) fact() (keystore.Fact, error) {
	if o.file == "" {
		return keystore.Fact{}, usage("No key file is given.", "Add --key-file FILE, or --key-file - for standard input.")
	}
	dkga, err := sts.ParseDKGA(o.dkga)
	if err != nil {
		return keystore.Fact{}, algorithmFailure(err)
	}
	base, err := sts.ParseBaseDate(o.baseDate)
	if err != nil {
		return keystore.Fact{}, usage("--base-date "+o.baseDate+" is not a base date.", "Give 1993, 2014 or 2035.")
	}
	return keystore.Fact{SGC: o.sgc, KRN: o.krn, KT: sts.KeyType(o.kt), DKGA: dkga, BaseDate: base, KEN: o.ken, Test: o.test}, nil
}

func (c console) addVendingKey(cmd *cobra.Command, o vendingKeyOptions, fact keystore.Fact) error {
	if !o.test && o.file != "-" {
		if err := keystore.CheckPrivate(o.file); errors.Is(err, keystore.ErrNotPrivate) {
			return &exit.Failure{Code: exit.Refused, What: "The file with the vending key must be private: " + err.Error() + ".", Not: "No key was added.",
				Try: "Make the file private, and consider who has read it."}
		}
	}
	key, err := readVendingKey(c, o.file)
	if err != nil {
		return err
	}
	s, err := openKeyStore(o.data)
	if err != nil {
		return err
	}
	have, err := s.List()
	if err != nil {
		return keyStoreFailure(err)
	}
	pass, err := c.passphrase(len(have) == 0)
	if err != nil {
		return err
	}
	defer clear(pass)
	if len(pass) == 0 {
		return &exit.Failure{Code: exit.Usage, What: "No passphrase for the key store is given.", Not: "No key was added.",
			Try: "Set PAYWATT_PASSPHRASE_FILE to a file with one line, or run the command at a terminal."}
	}
	if err := s.Unlock(pass); err != nil {
		return keyStoreFailure(err)
	}
	no, err := s.Add(fact, key)
	if err != nil {
		return keyStoreFailure(err)
	}
	if no.Refused() {
		return refusedFailure(no)
	}
	c.tell("The vending key of %s was added. Back up %s and its passphrase in different places.", fact, s.Path())
	return c.showFacts(cmd, []keystore.Fact{fact})
}

func newVendingKeyPassphrase(c console) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "passphrase", Short: "Change the passphrase of the key store", Args: cobra.NoArgs,
		Long: "Change the passphrase of the key store. The present one comes from PAYWATT_PASSPHRASE_FILE or a prompt, the new one from\n" +
			"PAYWATT_NEW_PASSPHRASE_FILE or a prompt. Then restart each server that uses the key store, with the new passphrase. A running server\n" +
			"sells nothing until then. Copies of the old key store still open with the old passphrase.",
		RunE: func(cmd *cobra.Command, _ []string) error { return c.changePassphrase(data) },
	}
	c.dataFlag(cmd, &data)
	return cmd
}

func (c console) changePassphrase(data string) error {
	s, err := openKeyStore(data)
	if err != nil {
		return err
	}
	old, err := c.passphrase(false)
	if err != nil {
		return err
	}
	defer clear(old)
	if err := s.Unlock(old); err != nil {
		return keyStoreFailure(err)
	}
	next, err := c.newPassphrase()
	if err != nil {
		return err
	}
	defer clear(next)
	if len(next) == 0 {
		return &exit.Failure{Code: exit.Usage, What: "No new passphrase is given.", Not: "The key store was not changed.",
			Try: "Set " + newPassphraseVariable + " to a file with one line, or run the command at a terminal."}
	}
	no, err := s.ChangePassphrase(next)
	switch {
	case err != nil:
		return keyStoreFailure(err)
	case no.Refused():
		return refusedFailure(no)
	}
	c.tell("The passphrase of %s was changed. Restart each server with the new passphrase now. Copies of the old file still open with the old passphrase.", s.Path())
	return nil
}

func newVendingKeyList(c console) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "list", Short: "List the vending keys, without their secrets", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := os.Stat(data); errors.Is(err, os.ErrNotExist) {
				return &exit.Failure{Code: exit.NotFound, What: "The data folder " + data + " does not exist.", Not: "No vending key was listed.", Try: "Give the folder that the server uses with --data."}
			}
			s, err := openKeyStore(data)
			if err != nil {
				return err
			}
			facts, err := s.List()
			if err != nil {
				return keyStoreFailure(err)
			}
			return c.showFacts(cmd, facts)
		},
	}
	c.dataFlag(cmd, &data)
	return cmd
}

// factRow is a vending key as vendingkey list prints it, without the key itself.
type factRow struct {
	SGC      string `json:"sgc"`
	KRN      uint8  `json:"krn"`
	KT       uint8  `json:"kt"`
	DKGA     string `json:"dkga"`
	BaseDate string `json:"base_date"`
	KEN      uint8  `json:"ken"`
	Test     bool   `json:"test"`
}

func (c console) showFacts(cmd *cobra.Command, facts []keystore.Fact) error {
	rows := []factRow{}
	t := table{head: []string{"sgc", "krn", "kt", "dkga", "base date", "ken", "test"}}
	for _, f := range facts {
		r := factRow{SGC: f.SGC, KRN: f.KRN, KT: uint8(f.KT), DKGA: f.DKGA.String(), BaseDate: f.BaseDate.String(), KEN: f.KEN, Test: f.Test}
		rows = append(rows, r)
		t.add(r.SGC, r.KRN, r.KT, r.DKGA, r.BaseDate, r.KEN, r.Test)
	}
	return c.show(cmd, rows, t)
}

func openKeyStore(dir string) (*keystore.Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &exit.Failure{Code: exit.Failed, What: fmt.Sprintf("The data folder cannot be made: %v.", err), Not: "No changes were made.",
			Try: "Use another folder with --data."}
	}
	s, err := keystore.Open(dir, keystore.Config{})
	if err != nil {
		return nil, keyStoreFailure(err)
	}
	return s, nil
}

// keyStoreFailure explains why the key store cannot be used. A wrong passphrase is a refusal.
func keyStoreFailure(err error) *exit.Failure {
	f := &exit.Failure{Code: exit.Failed, What: "The key store cannot be used: " + err.Error() + ".", Not: "The key store was not changed.", Try: "Run paywatt doctor to find the cause."}
	if errors.Is(err, keystore.ErrPassphrase) || errors.Is(err, keystore.ErrEmptyPassphrase) {
		f.Code, f.Try = exit.Refused, "Check the passphrase and run the command again."
	}
	return f
}
