package openlineage

import "slices"

// A facetOf is a pointer to a facet.
type facetOf[T any] interface {
	*T
	common() *base
}

func (b *base) common() *base { return b }

// facet reads a facet. Keys that are not of all facets are for field. What the schemas
// require of all facets only strict reading asks for, because nothing is lost without it,
// and of a deleted one likewise.
func facet[T any, P facetOf[T]](p *parser, into **T, required []string, field func(f P, key string) bool) {
	optional(p, into, func(f *T) {
		b := P(f).common()
		missing, ok := p.keys(required, func(key string) bool { return p.baseKey(b, key) || field(f, key) })
		if ok && (p.strict || !b.Deleted) {
			p.missing(required, missing)
		}
		if ok && p.strict {
			p.baseMissing(b)
		}
	})
}

func (p *parser) baseMissing(b *base) {
	if b.Producer == "" {
		p.d.FailUnder(codeForm, errMissing, "_producer")
	}
	if b.SchemaURL == "" {
		p.d.FailUnder(codeForm, errMissing, "_schemaURL")
	}
}

func (p *parser) baseKey(b *base, key string) bool {
	switch key {
	case "_producer":
		p.uri(&b.Producer)
	case "_schemaURL":
		p.uri(&b.SchemaURL)
	case "_deleted":
		p.bool(&b.Deleted)
	default:
		return false
	}
	return true
}

// unread passes over a facet that a lineage.Event has no place for.
func (p *parser) unread(standard bool) bool {
	switch {
	case !standard:
		p.d.Fail(codeForm, errFacet)
		p.d.Skip()
	case p.strict:
		var b base
		ok := p.d.Object(func(key string) bool { return p.baseKey(&b, key) || p.skip() })
		if ok {
			p.baseMissing(&b)
		}
	default:
		p.d.Skip()
	}
	return true
}

func (p *parser) runFacet(f *runFacets, key string) bool {
	switch key {
	case "parent":
		facet(p, &f.Parent, []string{"run", "job"}, p.parent)
	case "errorMessage":
		facet(p, &f.ErrorMessage, []string{"message", "programmingLanguage"}, p.errorMessage)
	case "environmentVariables", "executionParameters", "externalQuery", "extractionError", "jobDependencies",
		"nominalTime", "processing_engine", "tags", "test":
		return p.unread(true)
	default:
		return p.unread(false)
	}
	return true
}

func (p *parser) parent(f *parentFacet, key string) bool {
	switch key {
	case "run":
		p.object([]string{"runId"}, func(key string) bool {
			switch key {
			case "runId":
				p.runID(&f.Run.RunID)
			case "facets":
				p.d.Skip()
			default:
				return false
			}
			return true
		})
	case "job":
		p.object([]string{"namespace", "name"}, func(key string) bool { return p.nameKey(&f.Job, key) || key == "facets" && p.skip() })
	case "root":
		p.d.Skip()
	default:
		return false
	}
	return true
}

// nameKey reads a part of a name that the event can do without.
func (p *parser) nameKey(n *name, key string) bool {
	switch key {
	case "namespace":
		p.name(&n.Namespace)
	case "name":
		p.name(&n.Name)
	default:
		return false
	}
	return true
}

func (p *parser) errorMessage(f *errorFacet, key string) bool {
	switch key {
	case "message":
		p.text(&f.Message)
	case "programmingLanguage":
		p.text(&f.ProgrammingLanguage)
	case "stackTrace":
		p.d.Skip()
	default:
		return false
	}
	return true
}

func (p *parser) jobFacet(f *jobFacets, key string) bool {
	switch key {
	case "jobType":
		facet(p, &f.JobType, []string{"processingType", "integration"}, p.jobType)
	case "sql":
		facet(p, &f.SQL, []string{"query"}, p.sql)
	case "ownership":
		facet(p, &f.Ownership, nil, p.ownership)
	case "tags":
		facet(p, &f.Tags, nil, p.tags)
	case "lineage":
		facet(p, &f.Lineage, []string{"entries"}, p.jobLineage)
	case "documentation", "sourceCode", "sourceCodeLocation":
		return p.unread(true)
	default:
		return p.unread(false)
	}
	return true
}

func (p *parser) jobType(f *jobTypeFacet, key string) bool {
	switch key {
	case "processingType":
		p.text(&f.ProcessingType)
	case "integration":
		p.text(&f.Integration)
	case "jobType":
		p.text(&f.JobType)
	case "emissionPattern":
		p.d.Skip()
	default:
		return false
	}
	return true
}

func (p *parser) sql(f *sqlFacet, key string) bool {
	switch key {
	case "query":
		p.text(&f.Query)
	case "dialect":
		p.text(&f.Dialect)
	default:
		return false
	}
	return true
}

func (p *parser) ownership(f *ownershipFacet, key string) bool {
	if key != "owners" {
		return false
	}
	list(p, &f.Owners, func(o *owner) {
		p.object([]string{"name"}, func(key string) bool {
			switch key {
			case "name":
				p.name(&o.Name)
			case "type":
				p.d.Skip()
			default:
				return false
			}
			return true
		})
	})
	return true
}

func (p *parser) tags(f *tagsFacet, key string) bool {
	if key != "tags" {
		return false
	}
	list(p, &f.Tags, func(t *tag) {
		p.object([]string{"key", "value"}, func(key string) bool {
			switch key {
			case "key":
				p.name(&t.Key)
			case "value":
				p.name(&t.Value)
			case "field":
				p.name(&t.Field)
			case "source":
				p.d.Skip()
			default:
				return false
			}
			return true
		})
	})
	return true
}

func (p *parser) datasetFacet(f *datasetFacets, key string) bool {
	switch key {
	case "schema":
		facet(p, &f.Schema, nil, p.schema)
	case "columnLineage":
		facet(p, &f.ColumnLineage, []string{"fields"}, p.columnLineage)
	case "symlinks":
		facet(p, &f.Symlinks, nil, p.symlinks)
	case "ownership":
		facet(p, &f.Ownership, nil, p.ownership)
	case "tags":
		facet(p, &f.Tags, nil, p.tags)
	case "lifecycleStateChange":
		facet(p, &f.Lifecycle, []string{"lifecycleStateChange"}, p.lifecycle)
	case "datasetType":
		facet(p, &f.Type, []string{"datasetType"}, p.datasetType)
	case "lineage":
		facet(p, &f.Lineage, nil, func(f *lineageFacet, key string) bool { return p.lineageTarget(&f.lineageTarget, key) })
	case "catalog", "dataQualityAssertions", "dataQualityMetrics", "dataSource", "documentation", "hierarchy", "storage", "subset", "version":
		return p.unread(true)
	default:
		return p.unread(false)
	}
	return true
}

func (p *parser) symlinks(f *symlinksFacet, key string) bool {
	if key != "identifiers" {
		return false
	}
	list(p, &f.Identifiers, func(i *identifier) {
		p.object([]string{"namespace", "name", "type"}, func(key string) bool {
			if key == "type" {
				p.text(&i.Type)
				return true
			}
			return p.nameKey(&i.name, key)
		})
	})
	return true
}

func (p *parser) lifecycle(f *lifecycleFacet, key string) bool {
	switch key {
	case "lifecycleStateChange":
		p.text(&f.Change)
		if lifecycleOf(f.Change) == 0 && f.Change != "" {
			p.d.Fail(codeForm, errChange)
		}
	case "previousIdentifier":
		optional(p, &f.Previous, func(n *name) {
			p.object([]string{"name", "namespace"}, func(key string) bool { return p.nameKey(n, key) })
		})
	default:
		return false
	}
	return true
}

func (p *parser) datasetType(f *typeFacet, key string) bool {
	switch key {
	case "datasetType":
		p.text(&f.DatasetType)
	case "subType":
		p.d.Skip()
	default:
		return false
	}
	return true
}

// statistics reads a facet of how a dataset is used; others are passed over.
func (p *parser) statistics(into **statisticsFacet, key, ours string, others ...string) bool {
	if key != ours {
		return p.unread(slices.Contains(others, key))
	}
	facet(p, into, nil, func(f *statisticsFacet, key string) bool {
		switch key {
		case "rowCount":
			p.count(&f.Rows)
		case "size":
			p.count(&f.Bytes)
		case "fileCount":
			p.d.Skip()
		default:
			return false
		}
		return true
	})
	return true
}

func (p *parser) schema(f *schemaFacet, key string) bool {
	if key != "fields" {
		return false
	}
	p.schemaFields(&f.Fields)
	return true
}

// schemaFields reads fields, and stops to keep them where there are too many.
func (p *parser) schemaFields(into *[]schemaField) {
	list(p, into, func(f *schemaField) {
		if !p.within(&p.fields, p.limits.Fields, "fields") {
			*into = (*into)[:len(*into)-1]
			p.d.Skip()
			return
		}
		p.schemaField(f)
	})
}

func (p *parser) schemaField(f *schemaField) {
	p.object([]string{"name"}, func(key string) bool {
		switch key {
		case "name":
			p.name(&f.Name)
			if f.Name == "" {
				p.d.Fail(codeForm, errEmpty)
			}
		case "type":
			p.text(&f.Type)
		case "fields":
			p.schemaFields(&f.Fields)
		case "description", "ordinal_position":
			p.d.Skip()
		default:
			return false
		}
		return true
	})
}
