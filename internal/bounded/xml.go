package bounded

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Token is what [XML.Next] read.
type Token int

// Tokens. Comments and instructions are passed over.
const (
	Start Token = iota + 1 // the begin of an element
	End                    // the end of an element; an element <a/> has one too
	Text                   // text between two tags, with its entities replaced
)

// Limits bound one XML file.
type Limits struct {
	Elements int
	Depth    int
	Piece    int // bytes of a tag, a text, a section, a comment or an instruction
	// Charset turns a file in the encoding that its first line names into UTF-8. It is nil if the file must be UTF-8.
	Charset func(name string, in io.Reader) (io.Reader, error)
}

// XML reads XML 1.0 piece by piece. It is strict: tags match, attributes have quoted values, characters are those of XML, and only the five
// named entities and characters by number exist. A document type, which could declare others, is refused. Names are compared by their local
// part, without the namespace.
//
// What Name, Attribute and Text return is valid until the next call of Next.
type XML struct {
	in     io.Reader
	limits Limits

	buffer   []byte // what was read and not used up
	from, to int    // of the rest in buffer
	ended    error  // what the file's reader said at its end

	line     int // of the first byte that is not used up
	elements int
	names    []byte // of the open elements, one after the other
	open     []int  // where the name of each begins

	name       []byte // local
	attributes []attribute
	text       []byte
	scratch    []byte // texts with entities
	closes     bool   // the tag was <a/>, so its end comes next
}

type attribute struct{ name, value []byte }

// startBuffer is how many bytes are read at once, unless a piece is longer.
const startBuffer = 32 << 10

// NewXML returns a reader of an XML file.
func NewXML(in io.Reader, l Limits) *XML {
	return &XML{in: in, limits: l, buffer: make([]byte, startBuffer), line: 1}
}

// Line returns the line behind the last token, from 1.
func (x *XML) Line() int { return x.line }

// Name returns the local name of the element that began or ended.
func (x *XML) Name() string { return string(x.name) }

// AppendName appends the local name of the element that began or ended.
func (x *XML) AppendName(to []byte) []byte { return append(to, x.name...) }

// Is reports whether the element that began or ended has a local name.
func (x *XML) Is(name string) bool { return string(x.name) == name }

// Depth returns how many elements are open, with the one that began.
func (x *XML) Depth() int { return len(x.open) }

// Elements returns how many elements began so far.
func (x *XML) Elements() int { return x.elements }

// Text returns the text that Next read.
func (x *XML) Text() []byte { return x.text }

// Attribute returns the value of an attribute of the element that began, by its local name. It is nil for none.
func (x *XML) Attribute(name string) []byte {
	for i := len(x.attributes) - 1; i >= 0; i-- {
		if string(x.attributes[i].name) == name {
			return x.attributes[i].value
		}
	}
	return nil
}

// Next reads the next token. The error at the end of the file is [io.EOF].
func (x *XML) Next() (Token, error) {
	if x.closes {
		x.closes = false
		return End, x.leave(nil)
	}
	for {
		if x.from == x.to && !x.more() {
			return 0, x.end()
		}
		if x.buffer[x.from] != '<' {
			return Text, x.readText()
		}
		token, err := x.readMarkup()
		if token != 0 || err != nil {
			return token, err
		}
	}
}

// Skip reads up to the end of the element that began.
func (x *XML) Skip() error {
	for depth := x.Depth(); ; {
		token, err := x.Next()
		if err != nil {
			return err
		}
		if token == End && x.Depth() < depth {
			return nil
		}
	}
}

// end judges the end of the file.
func (x *XML) end() error {
	switch {
	case !errors.Is(x.ended, io.EOF):
		return x.ended
	case len(x.open) > 0:
		return x.wrong("unexpected EOF")
	}
	return io.EOF
}

// more reads more bytes behind those that are not used up. It returns false at the end of the file, and sets ended.
func (x *XML) more() bool {
	if x.ended != nil {
		return false
	}
	if x.from > 0 {
		x.to = copy(x.buffer, x.buffer[x.from:x.to])
		x.from = 0
	}
	if x.to == len(x.buffer) {
		if x.to >= x.limits.Piece {
			x.ended = &TooMuch{Piece, x.limits.Piece, x.line}
			return false
		}
		x.buffer = append(x.buffer, make([]byte, min(len(x.buffer), x.limits.Piece-len(x.buffer)))...)
	}
	for range 100 { // readers that give nothing and no error, at most as often as bufio allows
		n, err := x.in.Read(x.buffer[x.to:])
		x.to += n
		if x.ended = err; n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	x.ended = io.ErrNoProgress
	return false
}

// upTo returns the bytes that are not used up, through the first occurrence of an end. It uses them up.
func (x *XML) upTo(end string, skip int) ([]byte, error) {
	for searched := skip; ; {
		if at := bytes.Index(x.buffer[x.from+min(searched, x.to-x.from):x.to], []byte(end)); at >= 0 {
			return x.use(searched + at + len(end)), nil
		}
		searched = max(skip, x.to-x.from-len(end)+1)
		if !x.more() {
			return nil, x.cut()
		}
	}
}

// use uses up some bytes.
func (x *XML) use(n int) []byte {
	out := x.buffer[x.from : x.from+n]
	x.from += n
	x.line += bytes.Count(out, []byte("\n"))
	return out
}

// cut is the error of a file that ends within markup.
func (x *XML) cut() error {
	if errors.Is(x.ended, io.EOF) {
		return x.wrong("unexpected EOF")
	}
	return x.ended
}

func (x *XML) wrong(why string, args ...any) error {
	return &Malformed{x.line, fmt.Sprintf(why, args...)}
}

// readText reads the text up to the next tag.
func (x *XML) readText() error {
	length := 0
	for {
		if at := bytes.IndexByte(x.buffer[x.from+length:x.to], '<'); at >= 0 {
			length += at
			break
		}
		if length = x.to - x.from; !x.more() {
			if !errors.Is(x.ended, io.EOF) {
				return x.ended
			}
			break
		}
	}
	raw := x.use(length)
	if bytes.Contains(raw, []byte("]]>")) {
		return x.wrong("unescaped ]]> not in CDATA section")
	}
	return x.setText(raw, true)
}

// setText checks a text, replaces its entities if it has any, and line ends by line feeds.
func (x *XML) setText(raw []byte, entities bool) (err error) {
	x.scratch = x.scratch[:0]
	x.text, err = x.plain(raw, entities)
	return err
}

// plain returns a text as it is meant. It may stand in scratch.
func (x *XML) plain(raw []byte, entities bool) ([]byte, error) {
	special, high := false, false
	for _, c := range raw {
		switch {
		case c >= utf8.RuneSelf:
			high = true
		case c == '&' && entities, c == '\r':
			special = true
		case c < ' ' && c != '\t' && c != '\n':
			return nil, x.wrong("illegal character code U+%04X", c)
		}
	}
	if high {
		if !utf8.Valid(raw) {
			return nil, x.wrong("invalid UTF-8")
		}
		if bytes.Contains(raw, []byte("\ufffe")) || bytes.Contains(raw, []byte("\uffff")) {
			return nil, x.wrong("illegal character code U+FFFE or U+FFFF")
		}
	}
	if !special {
		return raw, nil
	}
	begin := len(x.scratch)
	for i := 0; i < len(raw); i++ {
		switch {
		case raw[i] == '\r':
			x.scratch = append(x.scratch, '\n')
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
		case raw[i] == '&' && entities:
			letter, length := entity(raw[i:])
			if length == 0 {
				return nil, x.wrong("invalid character entity %.20q", raw[i:])
			}
			x.scratch = utf8.AppendRune(x.scratch, letter)
			i += length - 1
		default:
			x.scratch = append(x.scratch, raw[i])
		}
	}
	return x.scratch[begin:], nil
}

// maxEntity is how many bytes an entity has at most: &#x10FFFF; with some zeros.
const maxEntity = 16

// entity reads the entity at the begin of a text. Its length is 0 if it is none.
func entity(text []byte) (rune, int) {
	end := bytes.IndexByte(text[:min(len(text), maxEntity)], ';')
	if end < 0 {
		return 0, 0
	}
	switch name := string(text[1:end]); name {
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "amp":
		return '&', end + 1
	case "apos":
		return '\'', end + 1
	case "quot":
		return '"', end + 1
	}
	if end < 3 || text[1] != '#' {
		return 0, 0
	}
	digits, base := text[2:end], rune(10)
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	letter := rune(0)
	for _, c := range digits {
		value := digitOf(c)
		if value >= base {
			return 0, 0
		}
		if letter = letter*base + value; letter > utf8.MaxRune {
			return 0, 0
		}
	}
	if len(digits) == 0 || !isCharacter(letter) {
		return 0, 0
	}
	return letter, end + 1
}

// digitOf returns the value of a hexadecimal digit, and 16 for any other letter.
func digitOf(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c - 'a' + 10)
	case c >= 'A' && c <= 'F':
		return rune(c - 'A' + 10)
	}
	return 16
}

// isCharacter reports whether XML may have a character (W3C XML 1.0, Char).
func isCharacter(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= utf8.MaxRune
}

// readMarkup reads what begins with <. The token is 0 for what is passed over.
func (x *XML) readMarkup() (Token, error) {
	const section = "<![CDATA["
	for x.to-x.from < len(section) && x.more() {
	}
	if x.to-x.from < len(section) && !errors.Is(x.ended, io.EOF) {
		return 0, x.ended
	}
	switch rest := x.buffer[x.from:x.to]; {
	case bytes.HasPrefix(rest, []byte("<!--")):
		return 0, x.readComment()
	case bytes.HasPrefix(rest, []byte(section)):
		raw, err := x.upTo("]]>", len(section))
		if err != nil {
			return 0, err
		}
		return Text, x.setText(raw[len(section):len(raw)-3], false)
	case bytes.HasPrefix(rest, []byte("<!")):
		return 0, x.wrong("a document type is not accepted")
	case bytes.HasPrefix(rest, []byte("<?")):
		return 0, x.readInstruction()
	case bytes.HasPrefix(rest, []byte("</")):
		raw, err := x.upTo(">", 2)
		if err != nil {
			return 0, err
		}
		return End, x.leave(bytes.TrimRight(raw[2:len(raw)-1], blanks))
	}
	raw, err := x.readTag()
	if err != nil {
		return 0, err
	}
	return Start, x.enter(raw)
}

// readComment passes over a comment.
func (x *XML) readComment() error {
	raw, err := x.upTo("-->", len("<!--"))
	if err != nil {
		return err
	}
	if first := bytes.Index(raw[4:], []byte("--")); first < len(raw)-4-len("-->") {
		return x.wrong("invalid sequence \"--\" not allowed in comments")
	}
	return nil
}

// readInstruction passes over an instruction. The first line of a file names its encoding.
func (x *XML) readInstruction() error {
	raw, err := x.upTo("?>", len("<?"))
	if err != nil {
		return err
	}
	name, rest := cutName(raw[2 : len(raw)-2])
	if len(name) == 0 {
		return x.wrong("expected target name after <?")
	}
	if err := x.checkName(name); err != nil {
		return err
	}
	if string(name) != "xml" {
		return nil
	}
	if version := setting(rest, "version"); version != "" && version != "1.0" {
		return x.wrong("unsupported version %q; only version 1.0 is supported", version)
	}
	encoding := setting(rest, "encoding")
	if encoding == "" || strings.EqualFold(encoding, "utf-8") {
		return nil
	}
	if x.limits.Charset == nil {
		return x.wrong("the encoding %.20q cannot be read", encoding)
	}
	ahead := bytes.Clone(x.buffer[x.from:x.to])
	if x.in, err = x.limits.Charset(encoding, io.MultiReader(bytes.NewReader(ahead), &restReader{x.in, x.ended})); err != nil {
		return err // it says which encoding cannot be read
	}
	x.limits.Charset = nil // a second encoding is a lie
	x.from, x.to, x.ended = 0, 0, nil
	return nil
}

// restReader reads the rest of a file whose end was perhaps seen before.
type restReader struct {
	in    io.Reader
	ended error
}

func (r *restReader) Read(p []byte) (int, error) {
	if r.ended != nil {
		return 0, r.ended
	}
	return r.in.Read(p)
}

// setting returns a value in the first line of a file, such as that of encoding="UTF-8".
func setting(line []byte, name string) string {
	_, rest, found := strings.Cut(string(line), name)
	rest = strings.TrimLeft(rest, blanks)
	if !found || !strings.HasPrefix(rest, "=") {
		return ""
	}
	rest = strings.TrimLeft(rest[1:], blanks)
	if rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return ""
	}
	value, _, _ := strings.Cut(rest[1:], rest[:1])
	return value
}

// blanks are the blanks of XML.
const blanks = " \t\r\n"

// readTag reads up to the > that ends a tag. In a quoted value it may stand as a character.
func (x *XML) readTag() ([]byte, error) {
	quote := byte(0)
	for at := 1; ; {
		rest := x.buffer[x.from:x.to]
		for ; at < len(rest); at++ {
			switch c := rest[at]; {
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '>':
				return x.use(at + 1), nil
			case c == '"' || c == '\'':
				quote = c
			}
		}
		if !x.more() {
			return nil, x.cut()
		}
	}
}

// enter takes the tag that begins an element, such as <a b="c"/>.
func (x *XML) enter(tag []byte) error {
	if x.elements++; x.elements > x.limits.Elements {
		return &TooMuch{Elements, x.limits.Elements, x.line}
	}
	if len(x.open) >= x.limits.Depth {
		return &TooMuch{Depth, x.limits.Depth, x.line}
	}
	rest := tag[1 : len(tag)-1]
	if bytes.HasSuffix(rest, []byte("/")) {
		rest, x.closes = rest[:len(rest)-1], true
	}
	name, rest := cutName(rest)
	if len(name) == 0 {
		return x.wrong("expected element name after <")
	}
	if err := x.checkName(name); err != nil {
		return err
	}
	x.open = append(x.open, len(x.names))
	x.names = append(x.names, name...)
	x.name = local(name)
	x.attributes, x.scratch = x.attributes[:0], x.scratch[:0]
	for {
		if rest = bytes.TrimLeft(rest, blanks); len(rest) == 0 {
			return nil
		}
		var err error
		if rest, err = x.readAttribute(rest); err != nil {
			return err
		}
	}
}

// readAttribute reads one attribute and returns what follows it.
func (x *XML) readAttribute(rest []byte) ([]byte, error) {
	name, rest := cutName(rest)
	if len(name) == 0 {
		return nil, x.wrong("expected attribute name in element")
	}
	if err := x.checkName(name); err != nil {
		return nil, err
	}
	rest = bytes.TrimLeft(rest, blanks)
	if len(rest) == 0 || rest[0] != '=' {
		return nil, x.wrong("attribute name without = in element")
	}
	rest = bytes.TrimLeft(rest[1:], blanks)
	if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
		return nil, x.wrong("unquoted or missing attribute value in element")
	}
	end := bytes.IndexByte(rest[1:], rest[0])
	if end < 0 {
		return nil, x.wrong("unquoted or missing attribute value in element")
	}
	raw := rest[1 : 1+end]
	if bytes.IndexByte(raw, '<') >= 0 {
		return nil, x.wrong("unescaped < inside quoted string")
	}
	value, err := x.plain(raw, true)
	if err != nil {
		return nil, err
	}
	x.attributes = append(x.attributes, attribute{local(name), value})
	return rest[end+2:], nil
}

// leave takes the end of an element. A nil name is that of the element that began last.
func (x *XML) leave(name []byte) error {
	if len(x.open) == 0 {
		return x.wrong("unexpected end element </%.40s>", name)
	}
	begin := x.open[len(x.open)-1]
	opened := x.names[begin:]
	if name != nil && !bytes.Equal(name, opened) {
		return x.wrong("element <%.40s> closed by </%.40s>", opened, name)
	}
	x.name = local(opened)
	x.names, x.open = x.names[:begin], x.open[:len(x.open)-1]
	return nil
}

// cutName cuts the name at the begin of a text off.
func cutName(text []byte) (name, rest []byte) {
	end := 0
	for end < len(text) && isNameByte(text[end]) {
		end++
	}
	return text[:end], text[end:]
}

// isNameByte reports whether a byte may stand in a name. Letters outside ASCII are not judged.
func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == ':' || c == '-' || c == '.' || c >= utf8.RuneSelf
}

// checkName refuses a name that begins with a digit or a sign, or that is no UTF-8.
func (x *XML) checkName(name []byte) error {
	if c := name[0]; c == '-' || c == '.' || c >= '0' && c <= '9' || !utf8.Valid(name) {
		return x.wrong("invalid XML name: %.40q", name)
	}
	return nil
}

// local returns a name without the prefix of its namespace.
func local(name []byte) []byte {
	if at := bytes.IndexByte(name, ':'); at > 0 && at+1 < len(name) {
		return name[at+1:]
	}
	return name
}
