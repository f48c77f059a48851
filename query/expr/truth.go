package expr

import "smelt/db"

// Truth is one of SQL's three truth values. They are ordered so that AND is the
// lesser of two, OR the greater, and NOT the distance from True.
type Truth uint8

// The truth values.
const (
	False Truth = iota
	Null
	True
)

// Not is the negation of t.
func (t Truth) Not() Truth { return True - t }

func truthOf(b bool) Truth {
	if b {
		return True
	}
	return False
}

// value is t as a value.
func (t Truth) value() db.Value {
	switch t {
	case True:
		return db.Value{Kind: db.KindBool, Text: "true"}
	case False:
		return db.Value{Kind: db.KindBool, Text: "false"}
	}
	return db.Value{}
}

// truth is what a value says where a condition stands.
func truth(v db.Value) Truth {
	if v.Kind != db.KindBool {
		return Null
	}
	return truthOf(v.Text == "true")
}

// relation is a comparison, by which results of a three-way comparison it is
// true for.
type relation struct{ less, equal, greater bool }

func relationOf(op string) relation {
	switch op {
	case "=":
		return relation{equal: true}
	case "!=":
		return relation{less: true, greater: true}
	case "<":
		return relation{less: true}
	case "<=":
		return relation{less: true, equal: true}
	case ">":
		return relation{greater: true}
	default:
		return relation{greater: true, equal: true}
	}
}

// orders reports whether the relation is one of order, not of equality alone.
func (r relation) orders() bool { return r.less != r.greater }

// of is v r w. Values of two kinds are unequal, and have no order.
func (r relation) of(v, w db.Value) Truth {
	switch {
	case v.Kind == 0 || w.Kind == 0:
		return Null
	case !r.orders():
		return truthOf((v == w) == r.equal) // equal values have equal text
	case v.Kind != w.Kind:
		return Null
	}
	switch c := v.Compare(w); {
	case c < 0:
		return truthOf(r.less)
	case c > 0:
		return truthOf(r.greater)
	}
	return truthOf(r.equal)
}
