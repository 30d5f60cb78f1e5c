{#- What is wrong with a rejected message, in words. Only rejected messages are asked,
    so they may be parsed once more. -#}
{% macro reject_detail(reason, text, content) -%}
    case {{ reason }}
        when 'invalid_utf8'
            then concat('not UTF-8 from character ', locate('\uFFFD', {{ text }}))
        when 'invalid_json' then {{ invalid_json_detail(text) }}
        when 'not_an_object'
            then concat('expected an object, found ', {{ shortened('trim(' ~ text ~ ')') }})
        when 'duplicate_key'
            then coalesce(
                concat(
                    try_element_at({{ repeated_key_paths(text, attempt_fields()) }}, 1),
                    ' is there twice'
                ),
                'a key of an object that is not declared is there twice'
            )
        when 'wrong_type'
            then try_element_at({{ wrong_types(content, attempt_fields()) }}, 1)
        when 'missing_identifier'
            then concat_ws(
                ', ',
                {%- for name in ['keen_id', 'exam_name', 'base_exam_id'] %}
                {{ missing_identifier_detail(content, name) }}{{ ',' if not loop.last }}
                {%- endfor %}
            )
        when 'inconsistent_counts' then {{ inconsistent_counts_detail(content) }}
    end
{%- endmacro %}

{#- `ingest publish` sends the file and its line or element as headers. Bytes in headers
    of other senders may be no UTF-8. -#}
{% macro message_source(headers) -%}
    nullif(
        array_join(
            transform(
                filter({{ headers }}, header -> header.key in ('source_file', 'source_record')),
                header -> make_valid_utf8(cast(header.value as string))
            ),
            ', '
        ),
        ''
    )
{%- endmacro %}

{% macro shortened(text) -%}
    if(length({{ text }}) > 40, concat(left({{ text }}, 40), '…'), {{ text }})
{%- endmacro %}

{#- A text is read as tokens, as long as each may follow the one before it. Possessive
    quantifiers keep the time proportional to its length, and the stack small. -#}
{% macro invalid_json_detail(text) -%}
    {%- set space = '[ \\t\\n\\r]*+' -%}
    {%- set string =
        '"(?:[^"\\\\\\x00-\\x1f]|\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4}))*+"' -%}
    {%- set number = '-?+(?:0|[1-9][0-9]*+)(?:[.][0-9]++)?+(?:[eE][+-]?+[0-9]++)?+' -%}
    {%- set value = '["{\\[0-9tfn-]' -%}
    {%- set token %}
        {%- raw -%}(?:{% endraw %}{{ string }}|{{ number }}|true|false|null|[}\]])
        {%- raw -%}(?=%space(?:[,:}\]]|\z))|[{](?=%space(?:["}]|\z)){% endraw -%}
        |\[(?=%space(?:{{ value }}|\]|\z))|[,:](?=%space(?:{{ value }}|\z))
    {%- endset -%}
    {%- set tokens = '^(?:%space(?:' ~ token | trim ~ '))*+%space' -%}
    {%- set tokens = "r'" ~ tokens | replace('%space', space) ~ "'" -%}
    {%- set brackets = "regexp_replace(" ~ text ~ ", r'" ~ string ~ "', '')" -%}
    element_at(transform(
        array(struct(
            length(regexp_extract({{ text }}, {{ tokens }}, 0)) + 1 as wrong_from,
            regexp_count({{ brackets }}, r'[\[{]')
            - regexp_count({{ brackets }}, r'[\]}]') as open_count
        )),
        found -> case
            when found.wrong_from <= length({{ text }})
                then concat(
                    'not JSON from character ', found.wrong_from, ': ',
                    {{ shortened('substr(' ~ text ~ ', found.wrong_from)') }}
                )
            when found.open_count > 0
                then concat('open brackets at the end: ', found.open_count)
            else 'commas or brackets are out of place, or it is too deep or too long'
        end
    ), 1)
{%- endmacro %}

{#- The keys, in declared objects, that are there more than once. -#}
{% macro repeated_key_paths(text, fields, path='') -%}
    {%- set object = "from_json(" ~ text ~ ", 'map<string,string>')" -%}
    concat(
        coalesce(flatten(transform(
            array(array_sort(map_keys({{ object }}))),
            names -> transform(
                filter(names, (name, rank) -> rank > 0 and name = names[rank - 1]),
                name -> concat('{{ path }}', name)
            )
        )), array())
        {%- for name, field in fields.items() if field is not string %},
            {#- The text of a string may look like an object. -#}
            {%- set space = '[ \\t\\n\\r]*' -%}
            {%- set is_text = text ~ " rlike '\"" ~ name ~ '"' ~ space ~ ':' ~ space
                ~ "\"'" -%}
            {%- set inner = "if(" ~ is_text ~ ", null, try_element_at(" ~ object ~ ", '"
                ~ name ~ "'))" -%}
            {%- if field is mapping %}
        {{ repeated_key_paths(inner, field, path ~ name ~ '.') }}
            {%- else %}
        coalesce(flatten(transform(
            from_json({{ inner }}, 'array<string>'),
            {{ name }}_element -> {{ repeated_key_paths(
                name ~ "_element", field[0], path ~ name ~ "[]."
            ) }}
        )), array())
            {%- endif -%}
        {%- endfor %}
    )
{%- endmacro %}

{#- What is wrong with values of a message, and what they are: an array of texts. -#}
{% macro wrong_types(variant, fields) -%}
    {%- set value = 'each.value' -%}
    transform(
        filter(
            {{ typed_values(variant, fields) }},
            each -> {{ value }} is not null
            and not is_variant_null({{ value }})
            and not case each.kind
                when 'object' then {{ is_of_type(value, 'map<string, variant>') }}
                when 'array' then {{ is_of_type(value, 'array<variant>') }}
                when 'identifier' then not {{ is_structure(value) }}
                when 'boolean' then {{ is_scalar_of_type(value, 'BOOLEAN') }}
                when 'int'
                    then {{ is_scalar_of_type(value, 'BIGINT') }}
                    and {{ is_of_type(value, 'int') }}
            end
        ),
        each -> concat(
            each.path,
            ': expected ',
            case each.kind
                when 'object' then 'an object'
                when 'array' then 'an array'
                when 'identifier' then 'text'
                when 'boolean' then 'true or false'
                when 'int' then 'a 32-bit whole number'
            end,
            ', found ',
            {{ shortened('to_json(' ~ value ~ ')') }},
            -- A variant does not keep 3.0 as it was written.
            if(
                each.kind = 'int'
                and {{ is_scalar_of_type(value, 'DECIMAL[(]1?[0-9],0[)]') }}
                and {{ is_of_type(value, 'bigint') }},
                ' with a decimal point', ''
            )
        )
    )
{%- endmacro %}

{#- The values whose kind is checked: an array of structs. The path is SQL, because
    positions in arrays belong to it: arguments of concat, each with a comma. -#}
{% macro typed_values(variant, fields, path='') -%}
    {%- set flat = flat_fields(fields) -%}
    concat(
        array(
            {%- for name, kind, _ in flat if kind != 'string' %}
            struct(
                concat({{ path }}'{{ name }}') as path,
                '{{ kind }}' as kind,
                try_variant_get({{ variant }}, '$.{{ name }}', 'variant') as value
            ){{ ',' if not loop.last }}
            {%- endfor %}
        )
        {%- for name, kind, field in flat if kind == 'array' %}
        {%- set element = name.split('.')[-1] ~ '_element' %}
        {%- set place = name.split('.')[-1] ~ '_place' %}
        {%- set inner = path ~ "'" ~ name ~ "[', " ~ place ~ " + 1, " %},
        coalesce(flatten(transform(
            try_variant_get({{ variant }}, '$.{{ name }}', 'array<variant>'),
            ({{ element }}, {{ place }}) -> concat(
                array(struct(
                    concat({{ inner }}']') as path,
                    'object' as kind,
                    {{ element }} as value
                )),
                {{ typed_values(element, field[0], inner ~ "'].', ") }}
            )
        )), array())
        {%- endfor %}
    )
{%- endmacro %}

{#- The fields of an object and of objects in it: path, kind, field. -#}
{% macro flat_fields(fields, path='') -%}
    {%- set found = [] -%}
    {%- for name, field in fields.items() -%}
        {%- if field is mapping -%}
            {%- do found.append((path ~ name, 'object', field)) -%}
            {%- do found.extend(flat_fields(field, path ~ name ~ '.')) -%}
        {%- else -%}
            {%- set kind = field if field is string else 'array' -%}
            {%- do found.append((path ~ name, kind, field)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{% macro is_scalar_of_type(variant, type) -%}
    (
        not {{ is_structure(variant) }}
        and schema_of_variant({{ variant }}) rlike '^{{ type }}$'
    )
{%- endmacro %}

{% macro missing_identifier_detail(content, name) -%}
    {%- set found = "try_variant_get(" ~ content ~ ", '$." ~ name ~ "', 'variant')" -%}
    case
        when {{ found }} is null then '{{ name }} is absent'
        when is_variant_null({{ found }}) then '{{ name }} is null'
        when trim(try_variant_get({{ content }}, '$.{{ name }}', 'string')) = ''
            then '{{ name }} is blank'
    end
{%- endmacro %}

{% macro inconsistent_counts_detail(content) -%}
    {%- set part_of_total = ['correct', 'incorrect', 'incomplete', 'unanswered'] -%}
    {%- set count =
        "try_variant_get(" ~ content ~ ", '$.sequences.counts.%s', 'int')" -%}
    coalesce(
        {%- for name in ['total', 'submitted'] + part_of_total %}
        {%- set found = count | format(name) %}
        if({{ found }} < 0, concat('{{ name }} is ', {{ found }}), null),
        {%- endfor %}
        {%- for name in part_of_total %}
        {%- set found, total = count | format(name), count | format('total') %}
        if(
            {{ found }} > {{ total }},
            concat('{{ name }} ', {{ found }}, ' is above total ', {{ total }}),
            null
        ){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
