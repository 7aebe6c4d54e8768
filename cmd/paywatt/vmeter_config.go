package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxDocument bounds a configuration file; the longest document is a few kilobytes.
const maxDocument = 64 << 10

// readDocument reads a configuration (docs/reference/meter-config.md) from JSON into the types that the meter expects.
func readDocument(name string) (map[string]any, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, usage("--config: "+err.Error()+".", "Give a JSON file with the keys of docs/reference/meter-config.md.")
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxDocument))
	if err != nil {
		return nil, usage("--config: "+err.Error()+".", "Give a JSON file with the keys of docs/reference/meter-config.md.")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var doc map[string]any
	err = d.Decode(&doc)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more data follows the document")
		}
	}
	if err != nil {
		return nil, usage(fmt.Sprintf("--config %s is not a configuration: %v.", name, err), `Give one JSON object, such as {"ec_limit_wh": 5000}.`)
	}
	for key, v := range doc {
		if n, is := v.(json.Number); is {
			// A number that is not a 64-bit integer stays a json.Number, and the meter refuses it with the name of its key.
			if whole, err := n.Int64(); err == nil {
				doc[key] = whole
			}
		}
	}
	return doc, nil
}
