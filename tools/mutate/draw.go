package main

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strconv"
)

// change is one edit of a file: the bytes from..to are replaced by text.
type change struct {
	from, to int
	text     string // the new text for the compiler
	shown    string // the new text for people, if it differs from the field text
	whole    bool   // the change replaces a whole statement, so the report shows only that statement
}

// site is one place of a file that can be changed, with every change that is possible there.
type site struct {
	file     *source
	function string // name with its receiver, or "" outside a function
	host     host
	changes  []change
}

// host is the expression or statement around a change. A binary can hold both forms of it.
type host struct {
	from, to int
	typ      string // type of an expression; empty for a statement
}

// finder collects the sites of one file.
type finder struct {
	file  *source
	info  *types.Info
	where string
	ends  []*types.Signature // signatures of the functions around the current node, the innermost last
	same  map[ast.Node]bool  // nodes whose change no test could notice
	out   []site
}

// sites returns every place of the file that a mutant can change, in the order of the source.
func sites(f *source, info *types.Info) []site {
	w := &finder{file: f, info: info, same: map[ast.Node]bool{}}
	for _, d := range f.tree.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			continue
		}
		w.where, w.ends = "", nil
		if fn, ok := d.(*ast.FuncDecl); ok {
			w.where = functionName(fn)
			if o, ok := info.Defs[fn.Name].(*types.Func); ok {
				w.ends = []*types.Signature{o.Signature()}
			}
		}
		w.walk(d)
	}
	return w.out
}

func functionName(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return fn.Name.Name
	}
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	if name, ok := t.(*ast.Ident); ok {
		return name.Name + "." + fn.Name.Name
	}
	return fn.Name.Name
}

func (w *finder) walk(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		if w.same[n] {
			return false
		}
		switch n := n.(type) {
		case *ast.FuncLit:
			if s, ok := w.info.TypeOf(n).(*types.Signature); ok {
				w.ends = append(w.ends, s)
				w.walk(n.Body)
				w.ends = w.ends[:len(w.ends)-1]
				return false
			}
		case *ast.CaseClause:
			w.caseClause(n)
		case ast.Stmt:
			w.statement(n)
			if e, ok := n.(*ast.ExprStmt); ok && w.logs(e.X) {
				return false // the words of a log line are not behaviour
			}
		case ast.Expr:
			w.expression(n)
		case *ast.Field:
			return false
		}
		return true
	})
}

// add notes a site whose changes are all in the same statement or expression.
func (w *finder) add(h host, changes ...change) {
	if len(changes) > 0 {
		w.out = append(w.out, site{file: w.file, function: w.where, host: h, changes: changes})
	}
}

func (w *finder) stmt(s ast.Stmt) host { return host{from: w.offset(s.Pos()), to: w.offset(s.End())} }

func (w *finder) expr(e ast.Expr) host { return w.typed(e, w.info.TypeOf(e)) }

func (w *finder) typed(e ast.Expr, t types.Type) host {
	return host{from: w.offset(e.Pos()), to: w.offset(e.End()), typ: types.TypeString(types.Default(t), w.file.qualifier)}
}

func (w *finder) offset(p token.Pos) int { return w.file.set.Position(p).Offset }

// text returns the source of a node.
func (w *finder) text(n ast.Node) string {
	return string(w.file.text[w.offset(n.Pos()):w.offset(n.End())])
}

// swap replaces a node, or a token of the given length, by a text.
func (w *finder) swap(from, to token.Pos, text string) change {
	return change{from: w.offset(from), to: w.offset(to), text: text}
}

func (w *finder) operator(h host, at token.Pos, old token.Token, others ...token.Token) {
	var all []change
	for _, o := range others {
		all = append(all, w.swap(at, at+token.Pos(len(old.String())), o.String()))
	}
	w.add(h, all...)
}

// dropped replaces a statement by a statement without effect that still uses its names, so that the code compiles.
func (w *finder) dropped(s ast.Stmt) {
	c := w.swap(s.Pos(), s.End(), "if false { "+w.text(s)+" }")
	c.shown, c.whole = "(dropped)", true
	w.add(w.stmt(s), c)
}

func (w *finder) statement(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.IfStmt:
		w.condition(s.Cond, true)
		if last, ok := s.Body.List[max(0, len(s.Body.List)-1):], w.failed(s.Cond); ok && len(last) == 1 {
			w.besideError(last[0])
		}
	case *ast.ForStmt:
		if s.Cond != nil {
			w.condition(s.Cond, false) // forced to true, the loop would not end
		}
	case *ast.SwitchStmt:
		if s.Tag == nil {
			w.switchConditions(s)
		}
	case *ast.ExprStmt:
		if call, ok := s.X.(*ast.CallExpr); ok && !w.logs(call) {
			w.dropped(s)
		}
	case *ast.DeferStmt, *ast.GoStmt:
		w.dropped(s)
	case *ast.IncDecStmt:
		other := token.INC
		if s.Tok == token.INC {
			other = token.DEC
		}
		w.operator(w.stmt(s), s.TokPos, s.Tok, other)
	case *ast.AssignStmt:
		w.assignment(s)
	case *ast.ReturnStmt:
		w.returned(s)
	case *ast.BranchStmt:
		switch s.Tok {
		case token.BREAK:
			w.operator(w.stmt(s), s.TokPos, s.Tok, token.CONTINUE)
		case token.CONTINUE:
			w.operator(w.stmt(s), s.TokPos, s.Tok, token.BREAK)
		}
	}
}

// condition forces the condition of an if, a for or a switch case to false and, if the parameter both is set, to
// true. The check of an error is only forced to "no error", because the opposite would fail every test at once.
func (w *finder) condition(e ast.Expr, both bool) {
	no := w.swap(e.Pos(), e.End(), "("+w.text(e)+") && false")
	no.shown = "false"
	if !both || w.failed(e) {
		w.add(w.expr(e), no)
		return
	}
	yes := w.swap(e.Pos(), e.End(), "("+w.text(e)+") || true")
	yes.shown = "true"
	all := []change{no, yes}
	switch ast.Unparen(e).(type) {
	case *ast.CallExpr, *ast.Ident, *ast.SelectorExpr:
		all = append(all, w.swap(e.Pos(), e.End(), "!"+w.text(e)))
	}
	w.add(w.expr(e), all...)
}

func (w *finder) switchConditions(s *ast.SwitchStmt) {
	for _, c := range s.Body.List {
		for _, e := range c.(*ast.CaseClause).List {
			w.condition(e, true)
		}
	}
}

// besideError skips the constants that the body of "if err != nil" returns with err, because callers ignore them.
func (w *finder) besideError(s ast.Stmt) {
	if r, ok := s.(*ast.ReturnStmt); ok && len(r.Results) > 1 && isError(w.info.TypeOf(r.Results[len(r.Results)-1])) {
		w.skipConstants(r.Results[:len(r.Results)-1])
	}
}

func (w *finder) skipConstants(list []ast.Expr) {
	for _, e := range list {
		if w.info.Types[e].Value != nil {
			w.same[e] = true
		}
	}
}

// capacity skips the capacity of a new slice or map.
func (w *finder) capacity(call *ast.CallExpr) {
	id, ok := call.Fun.(*ast.Ident)
	if !ok || w.info.Uses[id] != types.Universe.Lookup("make") {
		return
	}
	if _, isMap := w.info.TypeOf(call).Underlying().(*types.Map); len(call.Args) == 3 || len(call.Args) == 2 && isMap {
		w.same[call.Args[len(call.Args)-1]] = true
	}
}

// failed reports whether an expression is "err != nil".
func (w *finder) failed(e ast.Expr) bool {
	b, ok := ast.Unparen(e).(*ast.BinaryExpr)
	if !ok || b.Op != token.NEQ {
		return false
	}
	y, ok := b.Y.(*ast.Ident)
	return ok && y.Name == "nil" && isError(w.info.TypeOf(b.X))
}

func (w *finder) assignment(s *ast.AssignStmt) {
	switch s.Tok {
	case token.DEFINE:
	case token.ASSIGN:
		if blank, ok := s.Lhs[0].(*ast.Ident); !ok || blank.Name != "_" || len(s.Lhs) > 1 || isCall(s.Rhs[0]) {
			w.dropped(s)
		}
	default:
		if o, ok := opposites()[s.Tok]; ok {
			w.operator(w.stmt(s), s.TokPos, s.Tok, o)
		}
		w.dropped(s)
	}
}

func isCall(e ast.Expr) bool { _, ok := e.(*ast.CallExpr); return ok }

// returned replaces a returned error by nil, and a returned refusal by an empty one.
func (w *finder) returned(s *ast.ReturnStmt) {
	if len(w.ends) == 0 {
		return
	}
	results := w.ends[len(w.ends)-1].Results()
	if results.Len() != len(s.Results) {
		return
	}
	for i, e := range s.Results {
		t := results.At(i).Type()
		if id, ok := e.(*ast.Ident); ok && id.Name == "nil" {
			continue
		}
		if lit, ok := e.(*ast.CompositeLit); ok && len(lit.Elts) == 0 {
			continue
		}
		if isError(t) {
			w.add(w.typed(e, t), w.swap(e.Pos(), e.End(), "nil"))
			if w.always(e) {
				w.skipConstants(s.Results[:i])
			}
		} else if named, ok := types.Unalias(t).(*types.Named); ok && named.Obj().Name() == "Refusal" {
			if _, ok := named.Underlying().(*types.Struct); ok {
				w.add(w.typed(e, t), w.swap(e.Pos(), e.End(), types.TypeString(t, w.file.qualifier)+"{}"))
			}
		}
	}
}

// always(e) reports whether the error e cannot be nil, because it is a sentinel or is created in this expression.
func (w *finder) always(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CallExpr:
		sel, ok := e.Fun.(*ast.SelectorExpr)
		return ok && (sel.Sel.Name == "Errorf" || sel.Sel.Name == "New")
	case *ast.SelectorExpr:
		v, ok := w.info.Uses[e.Sel].(*types.Var)
		return ok && !v.IsField()
	case *ast.Ident:
		v, ok := w.info.Uses[e].(*types.Var)
		return ok && v.Parent() == v.Pkg().Scope()
	}
	return false
}

func isError(t types.Type) bool {
	return t != nil && types.Identical(t, types.Universe.Lookup("error").Type())
}

// opposites maps every arithmetic operator to its replacement.
func opposites() map[token.Token]token.Token {
	return map[token.Token]token.Token{
		token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
		token.AND: token.OR, token.OR: token.AND, token.XOR: token.AND, token.SHL: token.SHR, token.SHR: token.SHL,
		token.AND_NOT:    token.AND,
		token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN, token.MUL_ASSIGN: token.QUO_ASSIGN,
		token.QUO_ASSIGN: token.MUL_ASSIGN, token.REM_ASSIGN: token.MUL_ASSIGN, token.AND_ASSIGN: token.OR_ASSIGN,
		token.OR_ASSIGN: token.AND_ASSIGN, token.XOR_ASSIGN: token.AND_ASSIGN, token.SHL_ASSIGN: token.SHR_ASSIGN,
		token.SHR_ASSIGN: token.SHL_ASSIGN, token.AND_NOT_ASSIGN: token.AND_ASSIGN,
	}
}

func (w *finder) expression(e ast.Expr) {
	switch e := e.(type) {
	case *ast.CallExpr:
		w.capacity(e)
	case *ast.BinaryExpr:
		w.binary(e)
	case *ast.UnaryExpr:
		if e.Op == token.NOT || e.Op == token.SUB {
			c := w.swap(e.OpPos, e.X.Pos(), "")
			w.add(w.expr(e), c)
		}
	case *ast.BasicLit:
		if e.Kind == token.INT {
			w.integer(e)
		}
	case *ast.Ident:
		if w.info.Uses[e] == types.Universe.Lookup("true") {
			w.add(w.expr(e), w.swap(e.Pos(), e.End(), "false"))
		} else if w.info.Uses[e] == types.Universe.Lookup("false") {
			w.add(w.expr(e), w.swap(e.Pos(), e.End(), "true"))
		}
	}
}

func (w *finder) binary(e *ast.BinaryExpr) {
	switch e.Op {
	case token.LSS:
		w.operator(w.expr(e), e.OpPos, e.Op, token.LEQ, token.GEQ)
	case token.LEQ:
		w.operator(w.expr(e), e.OpPos, e.Op, token.LSS, token.GTR)
	case token.GTR:
		w.operator(w.expr(e), e.OpPos, e.Op, token.GEQ, token.LEQ)
	case token.GEQ:
		w.operator(w.expr(e), e.OpPos, e.Op, token.GTR, token.LSS)
	case token.EQL, token.NEQ:
		w.equality(e)
	case token.LAND:
		w.operator(w.expr(e), e.OpPos, e.Op, token.LOR)
	case token.LOR:
		w.operator(w.expr(e), e.OpPos, e.Op, token.LAND)
	default:
		if b, ok := w.info.TypeOf(e).Underlying().(*types.Basic); ok && b.Info()&types.IsNumeric != 0 {
			w.operator(w.expr(e), e.OpPos, e.Op, opposites()[e.Op])
		}
	}
}

func (w *finder) equality(e *ast.BinaryExpr) {
	if w.failed(e) {
		return // the method condition already forces this expression
	}
	other := token.EQL
	if e.Op == token.EQL {
		other = token.NEQ
	}
	w.operator(w.expr(e), e.OpPos, e.Op, other)
	w.literal(e.X)
	w.literal(e.Y)
}

func (w *finder) caseClause(c *ast.CaseClause) {
	for _, e := range c.List {
		w.literal(e)
	}
}

// literal changes a string in a comparison.
func (w *finder) literal(e ast.Expr) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		return
	}
	w.add(w.expr(lit), w.swap(lit.Pos(), lit.End(), strconv.Quote(s+"~")))
}

func (w *finder) integer(lit *ast.BasicLit) {
	n, exact := constant.Int64Val(constant.MakeFromLiteral(lit.Value, token.INT, 0))
	if !exact {
		return
	}
	more := strconv.FormatInt(n+1, 10)
	if n == 0 {
		w.add(w.expr(lit), w.swap(lit.Pos(), lit.End(), more))
		return
	}
	w.add(w.expr(lit), w.swap(lit.Pos(), lit.End(), more), w.swap(lit.Pos(), lit.End(), strconv.FormatInt(n-1, 10)))
}

// logs reports whether an expression calls log/slog.
func (w *finder) logs(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	o := w.info.Uses[sel.Sel]
	return o != nil && o.Pkg() != nil && o.Pkg().Path() == "log/slog"
}
