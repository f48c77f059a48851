package plan

import (
	"context"
	"slices"
	"strconv"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/expr"
)

// Select is a bound SELECT. It gives a line a row, or, if Grouped, a line a group
// of rows: with GROUP BY, or with an aggregate, when without GROUP BY all rows are
// one group.
type Select struct {
	Snapshot *db.Snapshot
	Columns  []Column
	Order    []Key
	Limit    int64 // -1: none

	Grouped    bool
	GroupBy    []*expr.Program // keys, over rows
	Aggregates []Aggregate
	Having     *expr.Program // over groups; nil: none

	// Filter is WHERE; nil: none. From names the sample drawn from; empty: buckets.
	Filter *Filter
	From   string
	from   *roaring.Bitmap

	names []string // GroupBy as written
	// groupFields are the metadata fields that GroupBy consists of; nil when a
	// key is anything else.
	groupFields []string
	statement   *ast.Select
	b           *binder
}

// Column is a column of the result. Value is asked of a row or, in a grouped
// SELECT, of a group: an expr.Row whose Given holds the keys and then the
// aggregates.
type Column struct {
	Name  string
	Value *expr.Program
}

// Key is one key of ORDER BY, asked as a Column is.
type Key struct {
	Value *expr.Program
	Desc  bool
}

// Aggregate is a function of the rows of a group.
type Aggregate struct {
	Func     string        // count, sum, avg, min, max, quantile
	Of       *expr.Program // over rows; nil for count(*)
	Quantile float64       // for quantile: 0 to 1
	text     string        // as written
}

// BindSelect binds a SELECT of the statement text src to a snapshot of d.
// Errors in the words are *ast.Error.
func BindSelect(src string, st *ast.Select, d *db.DB, snap *db.Snapshot, fn Functions) (*Select, error) {
	b := newBinder(src, d, snap, fn)
	p := &Select{Snapshot: snap, Limit: -1, statement: st, b: b}
	var err error
	if p.From, p.from, err = b.source(st.From, d); err != nil {
		return nil, err
	}
	if st.Limit != nil {
		p.Limit = st.Limit.Value
	}
	p.Grouped = len(st.GroupBy) > 0 || st.Having != nil || slices.ContainsFunc(st.Items, func(it ast.SelectItem) bool { return it.Func != "" })
	keys := make([]ast.Expr, len(st.GroupBy))
	for i, x := range st.GroupBy {
		keys[i] = p.groupKey(x)
		key, err := expr.Compile(b.src, keys[i], b.env())
		if err != nil {
			return nil, err
		}
		p.GroupBy, p.names = append(p.GroupBy, key), append(p.names, keys[i].String())
	}
	p.groupFields = metadataFields(keys)
	for _, item := range st.Items {
		if err := p.bindItem(item); err != nil {
			return nil, err
		}
	}
	for _, item := range st.OrderBy {
		x := item.X
		if column := p.columnNamed(x); column != nil {
			x = column
		}
		key, err := p.compile(x)
		if err != nil {
			return nil, err
		}
		p.Order = append(p.Order, Key{key, item.Desc})
	}
	if st.Having != nil {
		env := p.groupEnv(p.columnNamed)
		if p.Having, err = expr.CompileCondition(b.src, st.Having, env); err != nil {
			return nil, err
		}
	}
	p.Filter, err = b.filter(st.Where)
	return p, err
}

// metadataFields names the fields that all expressions are; nil if one is not.
func metadataFields(all []ast.Expr) []string {
	names := make([]string, 0, len(all))
	for _, x := range all {
		f, ok := x.(*ast.Field)
		if !ok || len(f.Path) > 1 || f.Path[0] == "" || f.Path[0][0] != '_' {
			return nil
		}
		names = append(names, f.Path[0])
	}
	return names
}

// bindItem adds the columns of one item of the list: * is all metadata and the
// normal form.
func (p *Select) bindItem(item ast.SelectItem) error {
	if !item.Star {
		column, err := p.column(item)
		if err != nil {
			return err
		}
		return p.addColumn(item.Span, column)
	}
	if p.Grouped {
		return p.b.errorf(item.Span, "name the columns", "* stands for the fields of a row, and here are groups of rows")
	}
	if item.Alias != nil {
		return p.b.errorf(item.Alias.Span, "leave AS out", "* is several columns and cannot have one name")
	}
	for _, name := range slices.Concat(p.Snapshot.Fields(), expr.ContentFields()) {
		value, err := p.compile(&ast.Field{Span: item.Span, Path: []string{name}})
		if err != nil {
			return err
		}
		if err := p.addColumn(item.Span, Column{name, value}); err != nil {
			return err
		}
	}
	return nil
}

func (p *Select) addColumn(at ast.Span, c Column) error {
	if slices.ContainsFunc(p.Columns, func(have Column) bool { return have.Name == c.Name }) {
		return p.b.errorf(at, "give it another name with AS", "there are two columns named %s", written(c.Name))
	}
	p.Columns = append(p.Columns, c)
	return nil
}

func (p *Select) column(item ast.SelectItem) (Column, error) {
	value, err := p.compile(itemExpr(item))
	return Column{columnName(item), value}, err
}

// itemExpr is what an item other than * computes.
func itemExpr(item ast.SelectItem) ast.Expr {
	if item.Func != "" {
		return &ast.Call{Span: item.Span, Func: item.Func, Args: item.Args}
	}
	return item.X
}

// columnName is the name of the column of an item other than *.
func columnName(item ast.SelectItem) string {
	switch field, isField := item.X.(*ast.Field); {
	case item.Alias != nil:
		return item.Alias.Text
	case item.CountsRows():
		return "count"
	case isField && len(field.Path) == 1:
		return field.Path[0]
	}
	return itemExpr(item).String()
}

// columnNamed is what the column computes whose name x is; nil if x is none.
// ORDER BY and HAVING may name columns so, GROUP BY within limits, and the other
// columns may not.
func (p *Select) columnNamed(x ast.Expr) ast.Expr {
	field, ok := x.(*ast.Field)
	if !ok || len(field.Path) > 1 {
		return nil
	}
	for _, item := range p.statement.Items {
		if !item.Star && columnName(item) == field.Path[0] {
			return itemExpr(item)
		}
	}
	return nil
}

// groupKey is the expression that a key of GROUP BY means: of a name that is a
// field of the rows and of a column too, the field.
func (p *Select) groupKey(x ast.Expr) ast.Expr {
	column := p.columnNamed(x)
	if column == nil || column.String() == x.String() {
		return x
	}
	if name := x.(*ast.Field).Path[0]; slices.Contains(p.Snapshot.Fields(), name) || slices.Contains(expr.ContentFields(), name) {
		return x
	}
	return column
}

// compile binds an expression over rows or, in a grouped SELECT, over groups.
func (p *Select) compile(x ast.Expr) (*expr.Program, error) {
	if !p.Grouped {
		return expr.Compile(p.b.src, x, p.b.env())
	}
	return expr.Compile(p.b.src, x, p.groupEnv(nil))
}

// groupEnv is what there is of a group: its keys, aggregates of its rows, and what
// alias, if not nil, finds by other names.
func (p *Select) groupEnv(alias func(ast.Expr) ast.Expr) expr.Env {
	return expr.Env{Alias: alias, Given: func(x ast.Expr) (int, expr.Kinds, bool, error) {
		if i := slices.Index(p.names, x.String()); i >= 0 {
			return i, p.GroupBy[i].Kinds(), true, nil
		}
		call, isCall := x.(*ast.Call)
		switch {
		case !isCall && alias != nil && alias(x) != nil:
			return 0, 0, false, nil
		case !isCall:
			return 0, 0, false, p.notGrouped(x)
		case !ast.IsAggregate(call.Func):
			return 0, 0, false, nil // which asks about its arguments
		}
		number, kinds, err := p.aggregate(call)
		return number, kinds, true, err
	}}
}

func (p *Select) notGrouped(x ast.Expr) error {
	if len(p.names) == 0 {
		return p.b.errorf(x.Pos(), "add GROUP BY "+x.String(), "%s is of one row, and aggregates make all rows one group", x)
	}
	return p.b.errorf(x.Pos(), "add it to GROUP BY, or ask for an aggregate such as max("+x.String()+")", "%s is not grouped by", x)
}

// aggregate finds or adds an aggregate, and gives its number in Row.Given.
func (p *Select) aggregate(call *ast.Call) (int, expr.Kinds, error) {
	a := Aggregate{Func: call.Func, text: call.String()}
	kinds := expr.Number
	if len(call.Args) > 0 {
		var err error
		if a.Of, err = expr.Compile(p.b.src, call.Args[0], p.b.env()); err != nil {
			return 0, 0, err
		}
		switch of := a.Of.Kinds(); call.Func {
		case "min", "max":
			kinds = of
		case "sum", "avg", "quantile":
			if of != 0 && of&expr.Number == 0 {
				return 0, 0, p.b.errorf(call.Args[0].Pos(), "", "%s() is of numbers, and %s is %s", call.Func, call.Args[0], of)
			}
		}
	}
	if call.Func == "quantile" {
		var err error
		if a.Quantile, err = p.quantile(call.Args[1]); err != nil {
			return 0, 0, err
		}
	}
	i := slices.IndexFunc(p.Aggregates, func(have Aggregate) bool { return have.text == a.text })
	if i < 0 {
		i = len(p.Aggregates)
		p.Aggregates = append(p.Aggregates, a)
	}
	return len(p.GroupBy) + i, kinds, nil
}

func (p *Select) quantile(x ast.Expr) (float64, error) {
	if lit, ok := x.(*ast.Literal); ok && lit.Kind == ast.NumberValue {
		if q, err := strconv.ParseFloat(lit.Text, 64); err == nil && q >= 0 && q <= 1 {
			return q, nil
		}
	}
	return 0, p.b.errorf(x.Pos(), "0.5 is the median", "a quantile is a constant from 0 to 1")
}

// Rows returns the rows for which WHERE is true, in a new bitmap. threads is how
// many records are read at once. An *ast.Error names a field that no row has.
func (p *Select) Rows(ctx context.Context, threads int) (*roaring.Bitmap, error) {
	if err := p.b.names.check(ctx, threads); err != nil {
		return nil, err
	}
	within := p.Snapshot.All()
	if p.from != nil {
		within.And(p.from)
	}
	if p.Filter == nil {
		return within, nil
	}
	return p.Filter.Rows(ctx, threads, within)
}

// Scan calls visit for each of the rows as the function Scan does.
func (p *Select) Scan(ctx context.Context, rows *roaring.Bitmap, threads int, needs expr.Needs, visit func(worker int, r *expr.Row) error) error {
	return Scan(ctx, p.Snapshot, p.b.fn, rows, threads, needs, visit)
}
