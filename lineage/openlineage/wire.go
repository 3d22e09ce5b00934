package openlineage

// The types below are the JSON of OpenLineage 2-0-2, as far as a lineage.Event has a
// place for it. Of lists and maps nil means that the key is not there.

// wireEvent is a RunEvent, a JobEvent or a DatasetEvent.
type wireEvent struct {
	EventTime string    `json:"eventTime"`
	Producer  string    `json:"producer"`
	SchemaURL string    `json:"schemaURL"`
	EventType string    `json:"eventType,omitzero"`
	Run       *run      `json:"run,omitzero"`
	Job       *job      `json:"job,omitzero"`
	Dataset   *dataset  `json:"dataset,omitzero"`
	Inputs    []dataset `json:"inputs,omitzero"`
	Outputs   []dataset `json:"outputs,omitzero"`
}

type run struct {
	RunID  string    `json:"runId"`
	Facets runFacets `json:"facets,omitzero"`
}

type runFacets struct {
	Parent       *parentFacet `json:"parent,omitzero"`
	ErrorMessage *errorFacet  `json:"errorMessage,omitzero"`
}

type job struct {
	name
	Facets jobFacets `json:"facets,omitzero"`
}

type jobFacets struct {
	JobType   *jobTypeFacet    `json:"jobType,omitzero"`
	SQL       *sqlFacet        `json:"sql,omitzero"`
	Ownership *ownershipFacet  `json:"ownership,omitzero"`
	Tags      *tagsFacet       `json:"tags,omitzero"`
	Lineage   *jobLineageFacet `json:"lineage,omitzero"`
}

type dataset struct {
	name
	Facets       datasetFacets    `json:"facets,omitzero"`
	InputFacets  statisticsFacets `json:"inputFacets,omitzero"`
	OutputFacets statisticsFacets `json:"outputFacets,omitzero"`
}

type datasetFacets struct {
	Schema        *schemaFacet        `json:"schema,omitzero"`
	ColumnLineage *columnLineageFacet `json:"columnLineage,omitzero"`
	Symlinks      *symlinksFacet      `json:"symlinks,omitzero"`
	Ownership     *ownershipFacet     `json:"ownership,omitzero"`
	Tags          *tagsFacet          `json:"tags,omitzero"`
	Lifecycle     *lifecycleFacet     `json:"lifecycleStateChange,omitzero"`
	Type          *typeFacet          `json:"datasetType,omitzero"`
	Lineage       *lineageFacet       `json:"lineage,omitzero"`
}

// statisticsFacets are those of an input or of an output.
type statisticsFacets struct {
	Input  *statisticsFacet `json:"inputStatistics,omitzero"`
	Output *statisticsFacet `json:"outputStatistics,omitzero"`
}

// name names a job or a dataset.
type name struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// base is what every facet has.
type base struct {
	Producer  string `json:"_producer"`
	SchemaURL string `json:"_schemaURL"`
	Deleted   bool   `json:"_deleted,omitzero"`
}

type parentFacet struct {
	base
	Run struct {
		RunID string `json:"runId"`
	} `json:"run"`
	Job name `json:"job"`
}

type errorFacet struct {
	base
	Message             string `json:"message"`
	ProgrammingLanguage string `json:"programmingLanguage"`
}

type jobTypeFacet struct {
	base
	ProcessingType string `json:"processingType"`
	Integration    string `json:"integration"`
	JobType        string `json:"jobType,omitzero"`
}

type sqlFacet struct {
	base
	Query   string `json:"query"`
	Dialect string `json:"dialect,omitzero"`
}

type ownershipFacet struct {
	base
	Owners []owner `json:"owners,omitzero"`
}

type owner struct {
	Name string `json:"name"`
}

type tagsFacet struct {
	base
	Tags []tag `json:"tags,omitzero"`
}

type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Field string `json:"field,omitzero"`
}

type schemaFacet struct {
	base
	Fields []schemaField `json:"fields,omitzero"`
}

type schemaField struct {
	Name   string        `json:"name"`
	Type   string        `json:"type,omitzero"`
	Fields []schemaField `json:"fields,omitzero"`
}

type symlinksFacet struct {
	base
	Identifiers []identifier `json:"identifiers,omitzero"`
}

type identifier struct {
	name
	Type string `json:"type"`
}

type lifecycleFacet struct {
	base
	Change   string `json:"lifecycleStateChange"`
	Previous *name  `json:"previousIdentifier,omitzero"`
}

type typeFacet struct {
	base
	DatasetType string `json:"datasetType"`
}

type statisticsFacet struct {
	base
	Rows  int64 `json:"rowCount,omitzero"`
	Bytes int64 `json:"size,omitzero"`
}

type columnLineageFacet struct {
	base
	Fields  map[string]columnLineageField `json:"fields"`
	Dataset []inputField                  `json:"dataset,omitzero"`
}

type columnLineageField struct {
	InputFields               []inputField `json:"inputFields"`
	TransformationDescription string       `json:"transformationDescription,omitzero"`
	TransformationType        string       `json:"transformationType,omitzero"`
}

type inputField struct {
	name
	Field           string           `json:"field"`
	Transformations []transformation `json:"transformations,omitzero"`
}

type transformation struct {
	Type        string `json:"type"`
	Subtype     string `json:"subtype,omitzero"`
	Description string `json:"description,omitzero"`
	Masking     bool   `json:"masking,omitzero"`
}

// jobLineageFacet states edges of an event on its job, lineageFacet on one dataset.
type jobLineageFacet struct {
	base
	Entries []lineageEntry `json:"entries"`
}

type lineageFacet struct {
	base
	lineageTarget
}

// lineageTarget is what leads to a target. A nil Inputs speaks of columns only.
type lineageTarget struct {
	Inputs []lineageInput          `json:"inputs,omitzero"`
	Fields map[string]lineageField `json:"fields,omitzero"`
}

type lineageEntry struct {
	lineageEnd
	lineageTarget
}

type lineageField struct {
	Inputs []lineageInput `json:"inputs"`
}

type lineageInput struct {
	lineageEnd
	Field           string           `json:"field,omitzero"`
	Transformations []transformation `json:"transformations,omitzero"`
}

// lineageEnd is a dataset or a job. A job without a name is the event's own.
type lineageEnd struct {
	name
	Type string `json:"type"`
}

// The values of lineageEnd.Type.
const (
	typeDataset = "DATASET"
	typeJob     = "JOB"
)
