package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/keystore"
	"golang.org/x/term"
)

// maxPassphrase is the longest passphrase in bytes; a longer file is not a passphrase.
const maxPassphrase = 1024

// credentialName is the systemd credential that holds the passphrase (LoadCredential=passphrase:...).
const credentialName = "passphrase"

// passphrase finds the key store's passphrase: the file that PAYWATT_PASSPHRASE_FILE names, the systemd credential, or a prompt at the
// terminal. It returns nil if it finds no passphrase. If confirm is true, it asks twice, because a key store made with a mistyped
// passphrase can never be opened again.
func (c console) passphrase(confirm bool) ([]byte, error) {
	if path := c.getenv(passphraseVariable); path != "" {
		return passphraseFile(passphraseVariable, path)
	}
	if dir := c.getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		p, err := readPassphrase(filepath.Join(dir, credentialName))
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, &exit.Failure{Code: exit.Failed, What: "The systemd credential " + credentialName + " cannot be read: " + err.Error() + ".",
				Not: "The key store was not opened.", Try: "Check LoadCredential= of the unit."}
		}
	}
	in, ok := c.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, nil
	}
	return c.askPassphrase(in, confirm)
}

// Variables that name a file with a passphrase.
const (
	passphraseVariable    = "PAYWATT_PASSPHRASE_FILE"
	newPassphraseVariable = "PAYWATT_NEW_PASSPHRASE_FILE"
)

// passphraseFile reads the passphrase file that a variable names. Nobody else may be able to read the file.
func passphraseFile(variable, path string) ([]byte, error) {
	p, err := readPassphrase(path)
	if err == nil {
		err = keystore.CheckPrivate(path)
	}
	if err != nil {
		return nil, &exit.Failure{Code: exit.Failed, What: "The passphrase file cannot be used: " + err.Error() + ".", Not: "The key store was not opened.",
			Try: "Check " + variable + ". The file needs one line, and only this user may read it."}
	}
	return p, nil
}

// newPassphrase finds the passphrase that replaces the present one: the file that PAYWATT_NEW_PASSPHRASE_FILE names, or a prompt at the
// terminal. It returns nil if it finds none.
func (c console) newPassphrase() ([]byte, error) {
	if path := c.getenv(newPassphraseVariable); path != "" {
		return passphraseFile(newPassphraseVariable, path)
	}
	in, ok := c.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, nil
	}
	c.tell("Now the new passphrase.")
	return c.askPassphrase(in, true)
}

// readPassphrase reads the first line of a file, without its line end.
func readPassphrase(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPassphrase+1))
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 || len(line) > maxPassphrase {
		return nil, fmt.Errorf("%s: its first line is empty or longer than %d bytes", path, maxPassphrase)
	}
	return line, nil
}

func (c console) askPassphrase(in *os.File, confirm bool) ([]byte, error) {
	fmt.Fprint(c.err, "Passphrase of the key store: ")
	first, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(c.err)
	if err != nil {
		return nil, &exit.Failure{Code: exit.Failed, What: "The passphrase cannot be read: " + err.Error() + ".", Not: "The key store was not opened.", Try: "Run the command at a terminal, or set PAYWATT_PASSPHRASE_FILE."}
	}
	if !confirm || len(first) == 0 {
		return first, nil
	}
	fmt.Fprint(c.err, "Repeat the passphrase: ")
	second, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(c.err)
	if err != nil || !bytes.Equal(first, second) {
		return nil, usage("The two passphrases differ.", "Run the command again and type the same passphrase twice.")
	}
	return first, nil
}
