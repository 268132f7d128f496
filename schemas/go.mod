module netstream/schemas

go 1.26

