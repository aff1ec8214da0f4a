# embed_schema(store out folder): writes a C source that holds every NNNN_name.sql of the folder in order, as the
# table that <store>_schema.h declares. Adding or changing an SQL file makes the build configure itself again.
function(embed_schema store out folder)
    file(GLOB steps CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.sql)
    list(SORT steps)
    set(rows "")
    foreach(step IN LISTS steps)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${step})
        get_filename_component(name ${step} NAME_WE)
        string(REGEX REPLACE "^0*([0-9]+)_.*$" "\\1" number ${name})
        file(READ ${step} sql)
        string(REPLACE "\\" "\\\\" sql "${sql}")
        string(REPLACE "\"" "\\\"" sql "${sql}")
        string(REPLACE "\n" "\\n\"\n     \"" sql "${sql}")
        string(APPEND rows "    {${number}, \"${name}\",\n     \"${sql}\"},\n")
    endforeach()
    file(CONFIGURE OUTPUT ${out} @ONLY CONTENT
"/* Made from ${folder} by store/schema/embed.cmake. */
#include \"store/@store@_schema.h\"

const struct @store@_step @store@_steps[] = {
@rows@    {0, \"\", \"\"},
};
")
endfunction()
