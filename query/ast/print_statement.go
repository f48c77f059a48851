package ast

import "slices"

// String returns the statement as [Sample.String] does.
func (s *Show) String() string { return "SHOW " + s.What }

// String returns the statement as [Sample.String] does.
func (d *Describe) String() string { return "DESCRIBE " + d.Name.String() }

// String returns the statement as [Sample.String] does.
func (d *Diff) String() string { return "DIFF " + d.A.String() + ", " + d.B.String() }

// String returns the statement as [Sample.String] does.
func (t *Tag) String() string { return "TAG " + t.Name.String() }

// String returns the statement as [Sample.String] does.
func (u *Update) String() string {
	return "UPDATE " + fromText(u.From) + " SET " + list(u.Set, Assignment.String) + " WHERE " + u.Where.String()
}

// String returns the assignment as it is written in SET.
func (a Assignment) String() string { return a.Field.String() + " = " + a.Value.String() }

// String returns the statement as [Sample.String] does.
func (d *Delete) String() string {
	return "DELETE FROM " + fromText(d.From) + " WHERE " + d.Where.String()
}

// String returns the statement as [Sample.String] does.
func (c *CreateBucket) String() string {
	w := words{"CREATE BUCKET", c.Name.String()}
	if c.Weight != nil {
		w.add("WEIGHT", c.Weight.String())
	}
	if c.Description != nil {
		w.add("DESCRIPTION", c.Description.String())
	}
	if c.Rule != nil {
		w.add("RULE", c.Rule.String())
	}
	return w.String()
}

// String returns the statement as [Sample.String] does.
func (c *CreatePhase) String() string {
	w := words{"CREATE PHASE", c.Name.String(), weightList(ByBuckets, c.Items)}
	if c.Samples != nil {
		w.add("SAMPLES", c.Samples.String())
	}
	if c.Epochs != nil {
		w.add("EPOCHS", c.Epochs.String())
	}
	if c.Description != nil {
		w.add("DESCRIPTION", c.Description.String())
	}
	return w.String()
}

// String returns the statement as [Sample.String] does.
func (c *CreateIndex) String() string { return "CREATE INDEX ON " + c.Field.String() }

// String returns the statement as [Sample.String] does.
func (a *AlterBucket) String() string {
	w := words{"ALTER BUCKET", a.Name.String()}
	if a.Weight != nil {
		w.add("WEIGHT", a.Weight.String())
	}
	w.add(cleared(a.Clear, "WEIGHT"))
	if a.Description != nil {
		w.add("DESCRIPTION", a.Description.String())
	}
	w.add(cleared(a.Clear, "DESCRIPTION"))
	if a.Rule != nil {
		w.add("RULE", a.Rule.String())
	}
	w.add(cleared(a.Clear, "RULE"))
	return w.String()
}

// String returns the statement as [Sample.String] does.
func (a *AlterPhase) String() string {
	w := words{"ALTER PHASE", a.Name.String()}
	if len(a.Items) > 0 {
		w.add(weightList(ByBuckets, a.Items))
	}
	if a.Samples != nil {
		w.add("SAMPLES", a.Samples.String())
	}
	w.add(cleared(a.Clear, "SAMPLES"))
	if a.Epochs != nil {
		w.add("EPOCHS", a.Epochs.String())
	}
	w.add(cleared(a.Clear, "EPOCHS"))
	if a.Description != nil {
		w.add("DESCRIPTION", a.Description.String())
	}
	w.add(cleared(a.Clear, "DESCRIPTION"))
	return w.String()
}

// cleared is the clause that takes away, if word is in clear.
func cleared(clear []Keyword, word string) string {
	if slices.ContainsFunc(clear, func(k Keyword) bool { return k.Text == word }) {
		return word + " NULL"
	}
	return ""
}

// String returns the statement as [Sample.String] does.
func (d *Drop) String() string {
	if d.What == "TAG" {
		return "DROP TAG " + Text{Value: d.Name.Text}.String()
	}
	return "DROP " + d.What + " " + d.Name.String()
}

// String returns the statement as [Sample.String] does.
func (e *Explain) String() string {
	w := words{"EXPLAIN"}
	if e.Analyze {
		w.add("ANALYZE")
	}
	w.add(e.Statement.String())
	return w.String()
}
