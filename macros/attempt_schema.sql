{#- The fields of a message: a mapping is an object, a list an array of such elements, a
    word a type. -#}
{% macro attempt_fields() -%}
    {{ return({
        'keen_id': 'identifier',
        'exam_name': 'identifier',
        'base_exam_id': 'identifier',
        'user_exam_id': 'identifier',
        'keen_timestamp': 'string',
        'keen_created_at': 'string',
        'started_at': 'string',
        'max_attempts': 'string',
        'certification': 'string',
        'sequences': {
            'id': 'identifier',
            'attempt': 'int',
            'counts': {
                'total': 'int',
                'correct': 'int',
                'incorrect': 'int',
                'incomplete': 'int',
                'submitted': 'int',
                'unanswered': 'int',
                'all_correct': 'boolean',
            },
            'questions': [{
                'id': 'identifier',
                'user_result': 'string',
                'user_correct': 'boolean',
                'user_incomplete': 'boolean',
                'user_submitted': 'boolean',
                'options': [{
                    'id': 'identifier',
                    'at': 'string',
                    'submitted': 'int',
                    'checked': 'boolean',
                    'correct': 'boolean',
                }],
            }],
        },
    }) }}
{%- endmacro %}

{% macro attempt_schema(identifier='string', corrupt_column=none) -%}
    {%- set fields = attempt_fields() -%}
    {%- if corrupt_column -%}
        {%- do fields.update({corrupt_column: 'string'}) -%}
    {%- endif -%}
    {{ field_type(fields, identifier) }}
{%- endmacro %}

{% macro field_type(field, identifier) -%}
    {%- if field is mapping -%}
        struct<
        {%- for name, inner in field.items() -%}
            {{ name }}: {{ field_type(inner, identifier) }}{{ ', ' if not loop.last }}
        {%- endfor -%}
        >
    {%- elif field is string -%}
        {{ identifier if field == 'identifier' else field }}
    {%- else -%}
        array<{{ field_type(field[0], identifier) }}>
    {%- endif -%}
{%- endmacro %}

{#- Nearly every message has only declared keys. Its type, in which schema_of_variant
    lists keys in alphabetical order, says so at a fifth of the cost of looking at each
    object. But schema_of_variant fails on a key with half of a surrogate pair, and takes
    long to merge many objects. -#}
{% macro unknown_keys(variant, text) -%}
    case
        when
            case
                when length({{ text }}) < 100000 and not {{ text }} rlike '[\\\\]u[dD]'
                    then schema_of_variant({{ variant }})
            end rlike '^{{ declared_type(attempt_fields()) }}$'
            then array()
        else array_distinct({{ unknown_key_paths(variant, attempt_fields()) }})
    end
{%- endmacro %}

{% macro declared_type(field) -%}
    {%- if field is mapping -%}
        (?:VOID|OBJECT<
        {%- for name, inner in field | dictsort -%}
            (?:{{ name }}: {{ declared_type(inner) }}(?:, |(?=>)))?+
        {%- endfor -%}
        >)
    {%- elif field is string -%}
        [A-Z]++(?:[(][0-9,]+[)])?+
    {%- else -%}
        (?:VOID|ARRAY<{{ declared_type(field[0]) }}>)
    {%- endif -%}
{%- endmacro %}

{#- The keys of an object, and of objects in it, that its fields do not have. -#}
{% macro unknown_key_paths(variant, fields, path='') -%}
    concat(
        transform(
            array_except(
                coalesce(
                    map_keys(
                        try_variant_get({{ variant }}, '$', 'map<string, variant>')
                    ),
                    array()
                ),
                array('{{ fields | join("', '") }}')
            ),
            key -> concat('{{ path }}', key)
        )
        {%- for name, field in fields.items() if field is not string %},
            {%- set inner = "try_variant_get(" ~ variant ~ ", '$." ~ name ~ "', '" -%}
            {%- if field is mapping %}
        {{ unknown_key_paths(inner ~ "variant')", field, path ~ name ~ '.') }}
            {%- else %}
        coalesce(flatten(transform(
            {{ inner }}array<variant>'),
            {{ name }}_element -> {{ unknown_key_paths(
                name ~ "_element", field[0], path ~ name ~ "[]."
            ) }}
        )), array())
            {%- endif -%}
        {%- endfor %}
    )
{%- endmacro %}
