// Package codeblock reads the code blocks and the table rows of Markdown pages, for the tests that run or check them.
package codeblock

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Block is one fenced code block.
type Block struct {
	Page string // path below the root, with slashes
	Line int    // line of the opening fence
	Kind string // the word after the fence, such as sh
	Text string // ends with a newline unless it is empty
}

// Where names the block in a message.
func (b Block) Where() string { return fmt.Sprintf("%s:%d", b.Page, b.Line) }

// Of returns the code blocks of a page. A block without a kind, one that is indented instead of fenced, and one that is never
// closed are errors.
func Of(page, text string) (blocks []Block, err error) {
	var open *Block
	blank := true
	for i, line := range strings.SplitAfter(text, "\n") {
		kind, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case open != nil && isFence:
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.Text += line
		case isFence && (kind == "" || !strings.HasPrefix(line, "```")):
			return nil, fmt.Errorf("%s:%d: a code block must begin in the first column and say its kind, as in ```sh", page, i+1)
		case isFence:
			open = &Block{Page: page, Line: i + 1, Kind: kind}
		case blank && strings.HasPrefix(line, "    "):
			return nil, fmt.Errorf("%s:%d: an indented code block cannot say its kind: fence it", page, i+1)
		}
		blank = strings.TrimSpace(line) == ""
	}
	if open != nil {
		return nil, fmt.Errorf("%s: the code block is never closed", open.Where())
	}
	return blocks, nil
}

// Read returns the code blocks of all pages below a folder. It leaves out testdata and hidden folders.
func Read(root string) (blocks []Block, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && (name[0] == '.' || name == "testdata" || strings.HasPrefix(name, "paywatt-")) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		page, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		found, err := Of(filepath.ToSlash(page), string(text))
		blocks = append(blocks, found...)
		return err
	})
	return blocks, err
}

// Step is a command with the output that the page shows for it, which may be empty.
type Step struct{ Command, Output string }

// Steps returns the commands of a block. In a block of the kind sh each line is a command; in one of the kind console, each
// line that begins with "$ ". A backslash or a bar at the end of a line continues the command. A console block without a
// command has one step with output only.
func (b Block) Steps() (steps []Step) {
	goesOn := false
	for line := range strings.Lines(b.Text) {
		command, prompted := strings.CutPrefix(line, "$ ")
		switch last := len(steps) - 1; {
		case goesOn:
			steps[last].Command += line
		case b.Kind == "sh" || prompted:
			steps = append(steps, Step{Command: command})
		default:
			if last < 0 {
				steps, last = append(steps, Step{}), 0
			}
			steps[last].Output += line
		}
		goesOn = (goesOn || b.Kind == "sh" || prompted) && (strings.HasSuffix(line, "\\\n") || strings.HasSuffix(line, "|\n"))
	}
	return steps
}
