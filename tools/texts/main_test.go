package main

import (
	"bytes"
	"os"
	"testing"
)

// TestTheArchiveHasTheTexts: the archive that the program carries is made from the texts as they are.
func TestTheArchiveHasTheTexts(t *testing.T) {
	const folder = "../../internal/catalogue"
	want, err := pack(folder)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(folder + "/texts.zip")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("texts.zip is not what the texts give: run go generate ./internal/catalogue (%v)", err)
	}
}
