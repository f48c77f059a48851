package jinja

// expr is an expression. at is its byte offset in the normalised source.
type expr interface {
	eval(*renderer) (Value, error)
	at() int
}

// stmt is a piece of a template's body.
type stmt interface {
	exec(*renderer) (signal, error)
}

// signal says how a statement ended.
type signal uint8

const (
	proceed signal = iota
	breakLoop
	continueLoop
)

type pos int

func (p pos) at() int { return int(p) }

// Expressions.
type (
	constant struct {
		pos
		value Value
	}
	variable struct {
		pos
		name string
		sym  int
	}
	listExpr struct {
		pos
		items []expr
		tuple bool
	}
	dictExpr struct {
		pos
		keys, values []expr
	}
	getAttr struct {
		pos
		on   expr
		name string
	}
	getItem struct {
		pos
		on, key expr
	}
	getSlice struct {
		pos
		on             expr
		from, to, step expr // nil where left out
	}
	callExpr struct {
		pos
		fn   expr
		args arguments
	}
	filterExpr struct {
		pos
		on   expr // nil in {% filter %} and {% set x | f %}
		name string
		fn   filter // nil if no filter has the name
		args arguments
	}
	testExpr struct {
		pos
		on     expr
		name   string
		fn     test // nil if no test has the name
		args   arguments
		negate bool
	}
	unary struct {
		pos
		op byte // - or +
		x  expr
	}
	not struct {
		pos
		x expr
	}
	binary struct {
		pos
		op   string
		a, b expr
	}
	concat struct {
		pos
		items []expr
	}
	logical struct {
		pos
		or   bool
		a, b expr
	}
	compare struct {
		pos
		first expr
		ops   []string
		rest  []expr
	}
	conditional struct {
		pos
		test, then, otherwise expr // otherwise nil: undefined
	}
)

// arguments are those of a call as written.
type arguments struct {
	positional []expr
	names      []string // of the values in named
	named      []expr
	star       expr // *args, or nil
	starStar   expr // **kwargs, or nil
}

// target is what a loop or set assigns to: a name, an attribute of a namespace,
// or a tuple of targets.
type target struct {
	pos
	name  string
	sym   int
	attr  string   // of the namespace name, if not ""
	items []target // a tuple, if not nil
}

// Statements.
type (
	dataStmt  string
	printStmt struct{ x expr }
	ifStmt    struct {
		tests  []expr
		bodies [][]stmt // one longer than tests if there is an else
	}
	forStmt struct {
		pos
		target    target
		over      expr
		cond      expr // nil without "if"
		recursive bool
		body      []stmt
		otherwise []stmt
	}
	setStmt struct {
		target target
		value  expr
	}
	setBlock struct {
		target target
		filter *filterExpr // nil without one
		body   []stmt
	}
	macroStmt struct{ *macroDef }
	callBlock struct {
		*macroDef // the block, as the caller of call
		call      *callExpr
	}
	filterBlock struct {
		filter *filterExpr
		body   []stmt
	}
	withStmt struct {
		targets []target
		values  []expr
		body    []stmt
	}
	generation struct{ body []stmt }
	loopExit   struct{ how signal }
)

// macroDef is the definition of a macro; defaults belong to the last parameters.
type macroDef struct {
	pos
	name     string
	sym      int
	params   []string
	syms     []int
	defaults []expr
	body     []stmt

	varargs, kwargs bool // the body names them, so surplus arguments are welcome
}
