// Command texts packs the files of internal/catalogue/texts into one archive, which the program carries: it has a quarter of their size. go generate
// runs it before tools/catalogue, which reads the archive.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	packed, err := pack(".")
	if err == nil {
		err = os.WriteFile("texts.zip", packed, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "texts:", err)
		os.Exit(1)
	}
}

// pack returns the archive of the texts in a folder. The same texts give the same archive.
func pack(folder string) ([]byte, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "texts", "*", "*.toml"))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return nil, err
		}
		w, err := z.Create(filepath.ToSlash(name))
		if err == nil {
			_, err = w.Write(text)
		}
		if err != nil {
			return nil, err
		}
	}
	err = z.Close()
	return b.Bytes(), err
}
