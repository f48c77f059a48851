package container

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"smelt/compute/jsontext"
)

const (
	maxNesting = 64   // groups within groups of a schema
	maxScale   = 1000 // digits of a decimal after the point
)

// A Parquet file holds the leaves of its rows' trees only, each column with two
// levels a value: definition, how much of the path to the leaf is there, and
// repetition, at which list on the path a new element begins. A row is put
// together by walking the schema and asking the first column below each node.

// parquetNode is a node of the schema, and how to write its value.
type parquetNode struct {
	kind     nodeKind
	key      []byte // `"name":`
	optional bool
	present  int16         // definition level from which it is not null
	element  int16         // lists and maps: from which there is an element
	repeat   int16         // repetition level of an element after the first
	fields   []parquetNode // of a group; the element of a list; key and value of a map
	column   *column       // of a leaf, else the first below
	below    []*column     // all
}

type nodeKind uint8

const (
	leafNode nodeKind = iota
	groupNode
	listNode
	mapNode   // whose keys are strings
	pairsNode // a map of other keys
)

// treeBuilder makes nodes of a schema, and columns of its leaves, in order.
type treeBuilder struct {
	rows   *parquetRows
	schema *schema.Schema
}

// newParquetTree makes the columns of rows and returns the tree above them.
func newParquetTree(rows *parquetRows, s *schema.Schema) (*parquetNode, error) {
	b := &treeBuilder{rows, s}
	root := &parquetNode{kind: groupNode}
	if err := b.children(root, s.Root(), 0, 0, 0); err != nil {
		return nil, err
	}
	if len(rows.columns) == 0 {
		return nil, errors.New("it has no columns")
	}
	return root, nil
}

// node makes the node of n, below a node with these levels.
func (b *treeBuilder) node(n schema.Node, def, rep int16, depth int) (parquetNode, error) {
	if n.RepetitionType() != parquet.Repetitions.Repeated {
		return b.single(n, def, rep, depth)
	}
	// Repeated, without a list around it: a list of what it is.
	list := parquetNode{kind: listNode, present: def, element: def + 1, repeat: rep + 1}
	one, err := b.single(n, def+1, rep+1, depth)
	return b.over(list, n, []parquetNode{one}), err
}

// single makes the node of n but for its being repeated.
func (b *treeBuilder) single(n schema.Node, def, rep int16, depth int) (node parquetNode, err error) {
	if depth > maxNesting {
		return node, fmt.Errorf("its schema is nested deeper than %d", maxNesting)
	}
	if !utf8.ValidString(n.Name()) {
		return node, errors.New("a column's name is not valid UTF-8")
	}
	if n.RepetitionType() == parquet.Repetitions.Optional {
		node.optional = true
		def++
	}
	node.present = def
	node.key = append(jsontext.AppendQuoted(nil, []byte(n.Name())), ':')
	group, isGroup := n.(*schema.GroupNode)
	if !isGroup {
		if d, ok := n.LogicalType().(schema.DecimalLogicalType); ok && (d.Scale() < 0 || d.Scale() > maxScale) {
			return node, fmt.Errorf("column %s has a decimal scale of %d", quoteName(n.Path()), d.Scale())
		}
		if len(b.rows.columns) == b.schema.NumColumns() {
			return node, errors.New("its schema has more leaves than columns")
		}
		c := newColumn(b.rows, b.schema.Column(len(b.rows.columns)))
		b.rows.columns = append(b.rows.columns, c)
		node.column, node.below = c, []*column{c}
		return node, nil
	}
	if inner, ok := repeatedChild(group); ok {
		switch group.LogicalType().(type) {
		case schema.ListLogicalType:
			return b.list(node, group, inner, def, rep, depth)
		case schema.MapLogicalType:
			if pair, ok := inner.(*schema.GroupNode); ok && pair.NumFields() == 2 && !isOptional(pair.Field(0)) {
				return b.pairs(node, group, pair, def, rep, depth)
			}
		}
	}
	node.kind = groupNode
	return node, b.children(&node, group, def, rep, depth)
}

// children makes the fields of a group.
func (b *treeBuilder) children(node *parquetNode, group *schema.GroupNode, def, rep int16, depth int) error {
	var fields []parquetNode
	for i := range group.NumFields() {
		field, err := b.node(group.Field(i), def, rep, depth+1)
		if err != nil {
			return err
		}
		fields = append(fields, field)
	}
	if len(fields) == 0 && depth > 0 {
		return fmt.Errorf("its group %s has no columns", quoteName(group.Name()))
	}
	*node = b.over(*node, group, fields)
	return nil
}

// list makes the node of a list. The repeated node in it is the element itself
// in files of old writers, and holds it in others.
func (b *treeBuilder) list(node parquetNode, group *schema.GroupNode, inner schema.Node, def, rep int16, depth int) (parquetNode, error) {
	node.kind, node.element, node.repeat = listNode, def+1, rep+1
	holder, ok := inner.(*schema.GroupNode)
	var element parquetNode
	var err error
	if ok && holder.NumFields() == 1 && holder.Name() != "array" && holder.Name() != group.Name()+"_tuple" {
		element, err = b.node(holder.Field(0), def+1, rep+1, depth+1)
	} else {
		element, err = b.single(inner, def+1, rep+1, depth+1)
	}
	return b.over(node, group, []parquetNode{element}), err
}

// pairs makes the node of a map.
func (b *treeBuilder) pairs(node parquetNode, group, pair *schema.GroupNode, def, rep int16, depth int) (parquetNode, error) {
	node.kind, node.element, node.repeat = pairsNode, def+1, rep+1
	key, err := b.node(pair.Field(0), def+1, rep+1, depth+1)
	if err != nil {
		return node, err
	}
	value, err := b.node(pair.Field(1), def+1, rep+1, depth+1)
	if key.kind == leafNode && key.column != nil && key.column.isText {
		node.kind = mapNode
	}
	return b.over(node, group, []parquetNode{key, value}), err
}

// over puts a node over its fields.
func (b *treeBuilder) over(node parquetNode, n schema.Node, fields []parquetNode) parquetNode {
	if node.key == nil {
		node.key = append(jsontext.AppendQuoted(nil, []byte(n.Name())), ':')
	}
	node.fields = fields
	for i := range fields {
		node.below = append(node.below, fields[i].below...)
	}
	if len(node.below) > 0 {
		node.column = node.below[0]
	}
	return node
}

// repeatedChild is a group's only child if that is repeated.
func repeatedChild(group *schema.GroupNode) (schema.Node, bool) {
	if group.NumFields() != 1 || group.Field(0).RepetitionType() != parquet.Repetitions.Repeated {
		return nil, false
	}
	return group.Field(0), true
}

func isOptional(n schema.Node) bool { return n.RepetitionType() == parquet.Repetitions.Optional }

// isNull reports whether the node's next value is null.
func (n *parquetNode) isNull() (bool, error) {
	if !n.optional {
		return false, nil
	}
	def, _, err := n.column.level()
	return def < n.present, err
}

// skip passes over the one entry that each column has for something that is not
// there.
func (n *parquetNode) skip() error {
	for _, c := range n.below {
		if err := c.skip(); err != nil {
			return err
		}
	}
	return nil
}

// append writes the node's next value, null included.
func (n *parquetNode) append(dst []byte) ([]byte, error) {
	null, err := n.isNull()
	if err != nil {
		return dst, err
	}
	if null {
		return append(dst, "null"...), n.skip()
	}
	switch n.kind {
	case leafNode:
		return n.column.append(dst)
	case groupNode:
		return n.appendGroup(dst)
	case mapNode:
		return n.appendElements(dst, '{', '}', func(dst []byte) ([]byte, error) {
			dst, err := n.fields[0].append(dst)
			if err != nil {
				return dst, err
			}
			return n.fields[1].append(append(dst, ':'))
		})
	case pairsNode:
		return n.appendElements(dst, '[', ']', func(dst []byte) ([]byte, error) {
			dst, err := n.fields[0].append(append(dst, '['))
			if err != nil {
				return dst, err
			}
			dst, err = n.fields[1].append(append(dst, ','))
			return append(dst, ']'), err
		})
	}
	return n.appendElements(dst, '[', ']', n.fields[0].append)
}

func (n *parquetNode) appendGroup(dst []byte) ([]byte, error) {
	dst = append(dst, '{')
	begin := len(dst)
	for i := range n.fields {
		f := &n.fields[i]
		null, err := f.isNull()
		if err == nil && null {
			err = f.skip()
		} else if err == nil {
			if len(dst) > begin {
				dst = append(dst, ',')
			}
			dst, err = f.append(append(dst, f.key...))
		}
		if err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func (n *parquetNode) appendElements(dst []byte, opener, closer byte, one func([]byte) ([]byte, error)) ([]byte, error) {
	dst = append(dst, opener)
	def, _, err := n.column.level()
	if err != nil {
		return dst, err
	}
	if def < n.element {
		return append(dst, closer), n.skip()
	}
	for {
		if dst, err = one(dst); err != nil {
			return dst, err
		}
		if !n.column.repeats(n.repeat) {
			return append(dst, closer), n.column.err
		}
		dst = append(dst, ',')
	}
}

// column gives the levels and values of a leaf, one after the other.
type column struct {
	name     string
	rows     *parquetRows
	maxDef   int16
	isText   bool
	values   values
	def, rep []int16
	at, n    int // entries def[at:n] are at hand
	err      error
}

// columnBatch is how many entries of a column are decoded at once.
const columnBatch = 512

func newColumn(rows *parquetRows, descr *schema.Column) *column {
	c := &column{
		name: descr.Path(), rows: rows, maxDef: descr.MaxDefinitionLevel(),
		def: make([]int16, columnBatch), rep: make([]int16, columnBatch),
	}
	c.values, c.isText = newValues(descr)
	return c
}

// open goes to the beginning of a column's part of a row group.
func (c *column) open(r file.ColumnChunkReader) error {
	c.at, c.n, c.err = 0, 0, nil
	if !c.values.open(r) {
		return fmt.Errorf("column %s is not of the type that the schema says", quoteName(c.name))
	}
	return nil
}

// level is that of the entry that comes next.
func (c *column) level() (def, rep int16, err error) {
	if c.at == c.n && !c.read() {
		if c.err == nil {
			c.err = fmt.Errorf("column %s ends too early", quoteName(c.name))
		}
		return 0, 0, c.err
	}
	return c.def[c.at], c.rep[c.at], nil
}

// repeats reports whether the next entry is of the same list.
func (c *column) repeats(level int16) bool {
	return (c.at < c.n || c.read()) && c.rep[c.at] >= level
}

// read decodes a batch, and reports whether there was one.
func (c *column) read() bool {
	if c.err != nil {
		return false
	}
	n, values, err := c.values.read(c.def, c.rep)
	c.at, c.n = 0, int(n)
	defined := 0
	for _, def := range c.def[:n] {
		if def == c.maxDef {
			defined++
		}
	}
	if err == nil && defined != values {
		err = fmt.Errorf("%d values where there should be %d", values, defined)
	}
	if err != nil {
		c.n = 0
		c.err = fmt.Errorf("column %s: %w", quoteName(c.name), err)
	}
	return c.n > 0
}

// skip passes over an entry without a value.
func (c *column) skip() error {
	def, _, err := c.level()
	if err == nil && def == c.maxDef {
		err = fmt.Errorf("column %s has a value where the columns beside it have none", quoteName(c.name))
	}
	c.at++
	return err
}

// append writes the value that comes next.
func (c *column) append(dst []byte) ([]byte, error) {
	def, _, err := c.level()
	if err != nil {
		return dst, err
	}
	c.at++
	if def < c.maxDef {
		return append(dst, "null"...), nil
	}
	dst, ok := c.values.append(dst)
	if !ok {
		c.rows.refusal = fmt.Sprintf("the text in column %s is not valid UTF-8", quoteName(c.name))
	}
	return dst, nil
}
